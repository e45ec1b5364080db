/* SPDX-License-Identifier: Apache-2.0 */

/* The seat protocol, for Spin; docs/model.md says what is here and what is not. */

#include "configuration.pml"
#include "memory.pml"
#include "reclaim.pml"
#include "seat.pml"
#include "queue.pml"
#include "release.pml"
#include "clean.pml"
#include "caller.pml"
#include "service.pml"

init {
  atomic {
#if RECLAIMS
    n_references[ENDPOINT (0)] = 1;
#endif
#if LEFT_OVER
    word[SEATS - 1] = FREE;
    connection[SEATS - 1] = ENDPOINT (0);
    n_open = 1;
#endif
    n = 1;
    do
    :: n <= CALLERS -> run caller (n); n++
    :: else -> break
    od;
#if SWEEPS
    run sweeper ();
#endif
#if GENERATIONS
    run reconfigurer (RECONFIGURER);
# if DRAINERS > 1
    run reconfigurer (RECONFIGURER + 1);
# endif
#endif
    n = 0
  }
}
