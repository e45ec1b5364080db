/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The system calls of a process, made to fail on purpose: tlc-shim.c and tlc-shim-calls.c, which
 * are preloaded (LD_PRELOAD), or linked in front of libc. Rules come from the environment,
 * FAULT=rule[,rule...], or from tlc_shim_set():
 *
 *   CALL:N:ERRNO    the Nth CALL, counted from 1, fails with ERRNO, a name or a number
 *   CALL:N+:ERRNO   so do all that follow
 *   short:N         each send, sendmsg, recv and recvmsg moves N bytes at the most
 *   delay:MS        each of these takes so many milliseconds longer
 *
 * Instead of an ERRNO: EOF, for recv and recvmsg, ends the stream; BYTE, for these and send and
 * sendmsg, moves one byte; EAI_AGAIN, _FAIL, _MEMORY and _NONAME are what getaddrinfo returns.
 *
 * CALL is socket, connect, poll (ppoll, too), send, sendmsg, recv, recvmsg, close, shutdown, fcntl,
 * setsockopt, getsockopt, getsockname, getpeername, eventfd, pthread_create, getaddrinfo, or any.
 * Counted beside these: bad-close, of a number that is no open file's. A call that fails does not
 * reach the kernel, but for close(), which does, and a connect() that is interrupted. Counting is
 * always on, so that a test can first count and then fail each one.
 *
 * Threads: calls may be made in any; rules are set while no call that they are meant for runs. A
 * thread that exempts itself is neither failed nor counted, until it includes itself again: the
 * scripted server's does, and a test that looks at its own process in between.
 */

/* A test that does not link the shim finds these by dlsym(): they are there when it is
 * preloaded. */

/* Replaces the rules, NULL for none, and counts from 0. -1 when @rules is not understood: the
 * old ones stay. */
int tlc_shim_set (const char *rules);

/* How many CALLs there were since, "any" for all; -1 for a name that is none. */
long tlc_shim_count (const char *call);

void tlc_shim_exempt_thread (void);
void tlc_shim_include_thread (void);

typedef int (*TlcShimSetFunc) (const char *rules);
typedef long (*TlcShimCountFunc) (const char *call);
