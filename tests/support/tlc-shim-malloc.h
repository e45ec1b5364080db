/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory that runs out on purpose, and memory that is not given back: tlc-shim-malloc.c, linked
 * into a program in front of libc, has all of its allocations. Not in a build with a sanitizer,
 * which has them itself: there it does nothing, and tlc_shim_malloc_is_there() is 0. */

#include <stddef.h>

int tlc_shim_malloc_is_there (void);

/* From now on, of this thread's allocations of @least bytes or more, the @nth, from 1, fails;
 * and all that follow if @is_lasting. 0: none does. Counts from 0 again. */
void tlc_shim_malloc_set (long nth, size_t least, int is_lasting);

/* How many such allocations this thread has made since. */
long tlc_shim_malloc_count (void);

/* Blocks that the process, all threads, has and has not freed. */
long tlc_shim_malloc_live (void);
