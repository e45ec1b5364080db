/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Waits until @fd is ready for @events of poll(), or until the deadline, however many signals come
 * in between. @fd -1: only until the deadline. 1: ready; 0: the deadline passed; -1: errno. */
int tlc_wait (int fd, short events, gint64 deadline_us);
