/* SPDX-License-Identifier: Apache-2.0
 *
 * The accept loop that c_glib lacks: one thread for each connection, stock transports and
 * protocols on it.
 */
#pragma once

#include <glib.h>

#include "echo-tally.h"
#include "echo.h"

G_BEGIN_DECLS

typedef struct
{
  gboolean buffered;      /* else framed */
  gboolean compact;       /* else binary */
  const char *multiplexed_name; /* which requests have before their method; NULL: nothing */
  guint accept_delay_ms;  /* how long a new connection waits before its first request is read */
  gboolean number_connections; /* who() says over which it was asked: "NAME#1" */
  EchoTally *tally;       /* NULL: nobody wants to know */
  const char *unix_path;  /* NULL: 127.0.0.1, a port that the kernel chooses */
} EchoLoopOptions;

typedef struct _EchoLoop EchoLoop;

/* Listens; @options and @processor must outlive the loop. */
EchoLoop *echo_loop_new (const EchoLoopOptions *options, EchoProcessor *processor, GError **error);

/* The address as READY prints it. Transfer none. */
const char *echo_loop_get_address (EchoLoop *loop);

/* Starts to accept, on a thread of its own. */
gboolean echo_loop_start (EchoLoop *loop, GError **error);

/* Stops accepting and removes the socket from the file system. Frees the loop if no connection is
 * left within a moment; else returns FALSE, with threads still running on it: leave by _exit(). */
gboolean echo_loop_stop (EchoLoop *loop);

G_END_DECLS
