/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A new socket of @family, non-blocking and closed on exec. -1 and errno: there is none. */
int tlc_socket_open (int family);
/* Closes it, once only, whatever becomes of that; no cancellation point. */
void tlc_socket_close (int fd);

/* Around fork(). In the child none is open any more, which says nothing to their peers. */
void tlc_socket_before_fork (void);
void tlc_socket_after_fork_parent (void);
void tlc_socket_after_fork_child (void);
