/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* On functions that the warm path only passes by: kept out of line, so that it need not save
 * registers for them. */
#define TLC_COLD __attribute__ ((cold, noinline))
