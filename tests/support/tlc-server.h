/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts one of the echo servers (tests/servers) as a child process, and ends it.
 *
 * Where they are is told by the environment: TLC_SERVER_ and one of CPP, PY, C, GO, RB, PL (the
 * path of the program), and TLC_GEN_ and one of PY, RB, PL (the folder of what the Thrift compiler
 * wrote for it). meson sets them for those that could be built.
 */
#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

typedef struct _TlcServer TlcServer;

typedef enum
{
  TLC_SERVER_CPP,
  TLC_SERVER_PYTHON,
  TLC_SERVER_C,
  TLC_SERVER_GO,
  TLC_SERVER_RUBY,
  TLC_SERVER_PERL,
} TlcServerKind;

#define TLC_SERVER_KINDS (TLC_SERVER_PERL + 1)

#define TLC_SERVER_ERROR (tlc_server_error_quark ())

typedef enum
{
  TLC_SERVER_ERROR_MISSING, /* the environment does not name it: not built, skip the test */
  TLC_SERVER_ERROR_FAILED,  /* it is there and does not start */
} TlcServerError;

GQuark tlc_server_error_quark (void);

/* @extra_args: (nullable): more of the command line, NULL-terminated.
 * Returns when the server listens, or within 30 seconds with an error. Any thread. */
TlcServer *tlc_server_start (TlcServerKind kind, const char *const *extra_args, GError **error);

/* "tcp://127.0.0.1:PORT" or "unix:PATH"; lives as long as @server */
const char *tlc_server_get_endpoint (TlcServer *server);

pid_t tlc_server_get_pid (TlcServer *server);

/* The process is not reaped before tlc_server_stop(): its pid stays its own. */
void tlc_server_kill (TlcServer *server, int signal);

/* Closes its standard input, waits up to ten seconds, then SIGKILL; reaps and frees. NULL is fine.
 * A server that crashed or failed, without having been killed, is told on stderr. */
void tlc_server_stop (TlcServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcServer, tlc_server_stop)

G_END_DECLS
