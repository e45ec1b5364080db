/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

/* A host program that sees to liburcu itself around fork(), where it is told to; its handlers are
 * registered before those of this library, so that they prepare after them: as those of a program that
 * loads the library by dlopen(), and for that linked into the program itself. */
extern atomic_bool tlc_early_host_prepares;

/* The same by handlers that are registered now, and so prepare before the library's. They stay, and work
 * where they are told to. */
extern atomic_bool tlc_late_host_prepares;
void tlc_late_host_register (void);
