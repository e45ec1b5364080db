/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/tlc-catalog.h"

/* What a file would change of the services of a catalog. */
typedef struct {
  TlcCatalog *catalog;
  TlcServicesFile *file;
  GArray *steps;   /* private */
  GString *errors; /* private; one a line */
  TlcError code;   /* of the first */
  guint n_same;    /* services that stay as they are */
} TlcPlan;

void tlc_plan_init (TlcPlan *plan, TlcCatalog *catalog, TlcServicesFile *file);
void tlc_plan_clear (TlcPlan *plan);
/* Works it out by @answers, taken over: what the file's addresses stand for. FALSE and all errors: it cannot
 * be. The root's lock is held from before this until after the next. */
gboolean tlc_plan_make_unlocked (TlcPlan *plan, GPtrArray *answers, GError **error);
/* Puts all of it in force. */
void tlc_plan_publish_unlocked (TlcPlan *plan);
/* After that, when the lock was let go of. */
void tlc_plan_follow (TlcPlan *plan);
/* "services.conf: in force: echo: endpoints; log: added; 3 as before" */
char *tlc_plan_describe (const TlcPlan *plan);
