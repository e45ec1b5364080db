/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "support/tlc-echo.h"

G_BEGIN_DECLS

/* One call of some method with some argument; what it returns is freed. */
typedef gboolean (*TlcHarnessCall) (EchoIf *echo, GError **error);

gboolean tlc_harness_add (EchoIf *echo, GError **error);
gboolean tlc_harness_ping (EchoIf *echo, GError **error);
gboolean tlc_harness_string (EchoIf *echo, GError **error);
gboolean tlc_harness_binary (EchoIf *echo, GError **error);
gboolean tlc_harness_list (EchoIf *echo, GError **error);
gboolean tlc_harness_set (EchoIf *echo, GError **error);
gboolean tlc_harness_map (EchoIf *echo, GError **error);
gboolean tlc_harness_tree (EchoIf *echo, GError **error);
gboolean tlc_harness_strict (EchoIf *echo, GError **error);
gboolean tlc_harness_everything (EchoIf *echo, GError **error);
gboolean tlc_harness_samples (EchoIf *echo, GError **error);
gboolean tlc_harness_words (EchoIf *echo, GError **error);
gboolean tlc_harness_numbers (EchoIf *echo, GError **error);

G_END_DECLS
