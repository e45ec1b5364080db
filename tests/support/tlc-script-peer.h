/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside the scripted server: one accepted connection and how far its script has come. All of it
 * belongs to the server's thread; what the test may see goes to the log. */

#include <poll.h>

#include "support/tlc-script.h"

G_BEGIN_DECLS

typedef enum {
  TLC_STEP_READ,
  TLC_STEP_SEND,
  TLC_STEP_DRIP,
  TLC_STEP_ANSWER,
  TLC_STEP_SERVE,
  TLC_STEP_AWAIT,
  TLC_STEP_RAISE,
  TLC_STEP_HALF_CLOSE,
  TLC_STEP_CLOSE,
  TLC_STEP_RESET,
  TLC_STEP_STALL,
  TLC_STEP_EXPECT_CLOSE,
  TLC_STEP_UNLISTEN,
  TLC_STEP_CALL
} TlcStepKind;

typedef struct {
  TlcStepKind kind;
  TlcWire *wire;     /* owned: SEND, DRIP; ANSWER, before it */
  TlcWire *after;    /* owned: ANSWER */
  gsize n;           /* bytes at a time; requests; event */
  guint interval_ms; /* DRIP */
  TlcScriptFunc func;
  gpointer user_data;
} TlcStep;

typedef struct _TlcPeer TlcPeer;

/* @steps: of TlcStep, borrowed; @fd: taken. */
TlcPeer *tlc_peer_new (TlcScript *script, guint index, int fd, GArray *steps);
void tlc_peer_free (TlcPeer *peer);

/* Goes on until something must be waited for. */
void tlc_peer_run (TlcPeer *peer);

/* What it waits for, and what poll() said. A due time is monotonic, in microseconds; G_MAXINT64
 * for none. */
void tlc_peer_watch (const TlcPeer *peer, struct pollfd *ret_pollfd, gint64 *ret_due_us);
void tlc_peer_polled (TlcPeer *peer, short revents);

/* The one thing that a peer does to the server. */
void tlc_script_stop_listening (TlcScript *script);

G_END_DECLS
