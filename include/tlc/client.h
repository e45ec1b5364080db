/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib.h>

#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * tlc_client_set_timeout:
 * @client: what tlc_service_get_client() returned in this thread
 * @timeout_ms: milliseconds, or 0 for the service's `call-timeout`
 *
 * How long this thread's later calls on @client may take, instead of `call-timeout`. Replies that are
 * outstanding keep the deadline that they were sent with. It holds until it is set again, whatever
 * tlc_service_reconfigure() changes; a deadline of tlc_deadline_push() that is earlier goes before it.
 *
 * Threads: the one that owns @client. Another thread's client, or a pointer that is none, is a
 * programming error.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_client_set_timeout (gpointer client, guint timeout_ms);

/**
 * tlc_client_set_idempotent:
 * @client: what tlc_service_get_client() returned in this thread
 * @idempotent: whether to repeat this thread's later calls does no harm
 *
 * Declares what this thread calls from now on idempotent, as the setting `idempotent-methods` does for
 * all threads. Such a call is sent again when its connection breaks before a reply begins, if the
 * service's `retry` is `idempotent`; `max-attempts` and `retry-budget` say how often. A oneway call is
 * never sent again once a byte of it was.
 *
 * Threads: the one that owns @client. Another thread's client, or a pointer that is none, is a
 * programming error.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_client_set_idempotent (gpointer client, gboolean idempotent);

/**
 * tlc_client_hold:
 * @client: what tlc_service_get_client() returned in this thread
 * @error: return location for an error
 *
 * Keeps one connection for all of this thread's calls on @client until tlc_client_release(), for
 * servers that remember who is at its other end: logins, sessions, transactions. It connects, or waits
 * for a connection, now. Holds nest: each is to be released once. What the server remembers it may
 * still remember after the release, when other threads get the connection: log out first, or
 * tlc_client_reset().
 *
 * A hold lasts for `hold-timeout` at most, and a call is never sent again within one. When the
 * connection is lost, or closed because its endpoint was removed, `max-connections` was lowered below it
 * or the hold lasted too long, calls fail, not sent, until it is released: no other connection takes its place unasked. The hold of a
 * thread that exits is over, and its connection closed.
 *
 * Threads: the one that owns @client, and not inside a call of it. Another thread's client, or a
 * pointer that is none, is a programming error. A cancellation point while it waits for a connection that
 * others use, and only then.
 *
 * Errors: those of a call that cannot be sent; %TLC_ERROR_BUSY while replies are outstanding on @client
 *   and it does not hold yet.
 *
 * Returns: whether it holds
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_client_hold (gpointer client, GError **error);

/**
 * tlc_client_release:
 * @client: what tlc_service_get_client() returned in this thread
 *
 * Undoes one tlc_client_hold(); with the last, the connection is anybody's again. To release without
 * having held is a programming error.
 *
 * Threads: the one that owns @client.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_client_release (gpointer client);

/**
 * tlc_client_reset:
 * @client: what tlc_service_get_client() returned in this thread
 *
 * Gives up the replies that are outstanding on @client, for a program that uses generated `send_x()`
 * and `recv_x()` and does not want to receive the rest: their connection is closed, and the next call
 * starts afresh. Also for what a `longjmp()` out of a call left behind.
 *
 * Requests that were sent one behind the other, 64 at most, are answered in that order, and `recv_x()`
 * gets the reply that is due, whoever asks. So who stops receiving, after an error say, calls this
 * before the next call. Replies that are lost or overdue are due all the same, each as an error; until
 * they are received or given up, requests fail with %TLC_ERROR_BUSY.
 *
 * Threads: the one that owns @client, and not inside a call of it. Another thread's client, or a
 * pointer that is none, is a programming error.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_client_reset (gpointer client);

/**
 * TLC_DEADLINE_DEPTH_MAX:
 *
 * How many deadlines of tlc_deadline_push() a thread can go back to. One that is pushed on top of so
 * many still shortens; but what it shortened is given back only when the last of these is popped.
 *
 * Since: 0.1
 */
#define TLC_DEADLINE_DEPTH_MAX 16

/**
 * tlc_deadline_push:
 * @timeout_ms: milliseconds from now; 0: it has passed already
 *
 * Bounds all calls of this thread, on all services, until tlc_deadline_pop(): whatever they wait for,
 * and however many there are, none ends later than @timeout_ms from now. What is pushed inside it only
 * shortens. A call that begins when the time is over fails with %TLC_ERROR_TIMED_OUT, not sent.
 *
 * Threads: any; acts on the calling thread alone.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_deadline_push (guint timeout_ms);

/**
 * tlc_deadline_pop:
 *
 * Takes back this thread's latest tlc_deadline_push(). To pop without having pushed is a programming
 * error.
 *
 * Threads: any; acts on the calling thread alone.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_deadline_pop (void);

/**
 * tlc_thread_detach:
 *
 * Frees the calling thread's clients of all services now, instead of when the thread exits. As then,
 * their connections are kept for other threads, `spare-connections` of each service at most, or closed.
 * Pointers from tlc_service_get_client() become invalid in this thread; the next
 * tlc_service_get_client() makes a new client.
 *
 * For threads that never exit but are done with calling, and for the main thread, whose
 * thread-local data nobody frees when main() returns.
 *
 * Threads: any; acts on the calling thread alone. Not while a generated function
 * of this thread runs.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_thread_detach (void);

G_END_DECLS
