/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A peer without a socket. A program that links this has socket(), connect(), send(), recv() and
 * so on of its own, which take precedence over libc's: whatever the library dials is answered here,
 * and all of the library, from its connection up, is the real one.
 *
 * Threads: the one that calls. */
#include <glib.h>

/* Appends to @stream what the peer says to @request, which is whole; then it closes. */
typedef void (*FuzzAnswer) (GByteArray *stream, const GByteArray *request, gpointer data);

void fuzz_peer_set_answer (FuzzAnswer answer, gpointer data);

/* How bytes move from now on. 0: all at once; below 128: so many at first, then the rest; from
 * there on a few each time, more of them the larger it is, and odd ones are interrupted too. */
void fuzz_peer_set_chunks (guint8 chunks);

/* What was not received yet never comes; the connection, if there is one, stays. */
void fuzz_peer_lose_rest (void);
