/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the shim's rules and its calls. */

#include <stddef.h>

typedef enum {
  TLC_SHIM_SOCKET,
  TLC_SHIM_CONNECT,
  TLC_SHIM_POLL,
  TLC_SHIM_SEND,
  TLC_SHIM_SENDMSG,
  TLC_SHIM_RECV,
  TLC_SHIM_RECVMSG,
  TLC_SHIM_CLOSE,
  TLC_SHIM_BAD_CLOSE, /* of a number that is no open file's */
  TLC_SHIM_SHUTDOWN,
  TLC_SHIM_FCNTL,
  TLC_SHIM_SETSOCKOPT,
  TLC_SHIM_GETSOCKOPT,
  TLC_SHIM_GETSOCKNAME,
  TLC_SHIM_GETPEERNAME,
  TLC_SHIM_EVENTFD,
  TLC_SHIM_PTHREAD_CREATE,
  TLC_SHIM_GETADDRINFO,
  TLC_SHIM_ANY,
  TLC_SHIM_N_CALLS
} TlcShimCall;

/* Verdicts are 0, an errno, one of getaddrinfo()'s EAI_..., small negative numbers, or: */
#define TLC_SHIM_ONE_BYTE (-1000)      /* moves one byte */
#define TLC_SHIM_END_OF_STREAM (-1001) /* receives none */

/* Counts a call, and says what becomes of it. */
int tlc_shim_judge (TlcShimCall call);

/* What remains of @length to move in one call; waits first where that is the rule. */
size_t tlc_shim_ration (int verdict, size_t length);

/* libc's own function; kept in @slot, since a child of fork() should not look it up. */
void *tlc_shim_find (_Atomic (void *) *slot, const char *name);
