/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Cancellation, pthread_cancel(), ends a thread inside any of many functions: not only where it waits,
 * but in close(), in a write to an eventfd, in opening a file. Whoever is half through with something
 * there, with a lock or a reference in hand, says so, as with GLib's lockers:
 *
 *   g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
 *
 * and to the end of the block the thread is not cancelled, but at the next occasion after it.
 *
 * The rule: a call is cancelled while it waits for its peer, before it is repeated, and while it waits
 * for its turn; nothing of it is in anybody's hands then but what the thread's exit gives up. All else
 * is done as a whole. Not on the warm path, where there is nothing to do as a whole. */
#include <glib.h>
#include <pthread.h>

typedef struct {
  int before; /* pthread_setcancelstate()'s */
} __attribute__ ((unused)) TlcUncancelled;

static inline TlcUncancelled
tlc_uncancelled_begin (void)
{
  TlcUncancelled whole;

  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &whole.before);
  return whole;
}

static inline void
tlc_uncancelled_end (TlcUncancelled *whole)
{
  pthread_setcancelstate (whole->before, NULL);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TlcUncancelled, tlc_uncancelled_end)
