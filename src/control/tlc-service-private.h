/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tlc/service.h"

#include "client/tlc-core.h"

/* Whether @type is that of a generated client. */
gboolean tlc_service_check_client_type (const char *name, GType type, GError **error);
/* The service that @branch, with its reference to the root taken over, has the settings of. With the root's
 * lock held; tlc_core_top_up() is to follow without it. */
TlcService *tlc_service_new_unlocked (const char *name, GType client_type, TlcBranch *branch);
TlcCore *tlc_service_get_core (TlcService *service);
/* Whether the calling thread would not wait for itself: "@kind @name: @what inside ...". */
gboolean tlc_service_check_may_wait (const char *kind, const char *name, const char *what,
                                     GError **error);

/* The library's threads end with the last service, or registry: after a tlc_worker_hold(). */
void tlc_service_let_workers_go (void);
