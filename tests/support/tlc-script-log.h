/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside the scripted server: what its thread and the test's threads tell each other. The thread
 * notes what happened; the test's questions, tlc_script_wait...() and tlc_script_count...(), are
 * answered from here. */

#include "support/tlc-script.h"

G_BEGIN_DECLS

typedef struct _TlcScriptLog TlcScriptLog;

TlcScriptLog *tlc_script_log_new (void);
void tlc_script_log_free (TlcScriptLog *log);
TlcScriptLog *tlc_script_get_log (TlcScript *script);

/* By the server's thread; any thread may ask and raise. */
guint tlc_script_log_add_connection (TlcScriptLog *log); /* its index */
/* (transfer full): lives as long as @log */
void tlc_script_log_add_request (TlcScriptLog *log, TlcWireRequest *request);
/* @by_peer: the other side did; otherwise a step or the server. The first report counts. */
void tlc_script_log_set_closed (TlcScriptLog *log, guint connection, gboolean by_peer);
void tlc_script_log_fail (TlcScriptLog *log, const char *format, ...) G_GNUC_PRINTF (2, 3);
void tlc_script_log_raise (TlcScriptLog *log, guint event);
gboolean tlc_script_log_has_event (TlcScriptLog *log, guint event);

/* The server shall end; the first is said by the test. */
void tlc_script_log_set_stopped (TlcScriptLog *log);
gboolean tlc_script_log_is_stopped (TlcScriptLog *log);

G_END_DECLS
