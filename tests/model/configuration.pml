/* SPDX-License-Identifier: Apache-2.0 */

/* What takes part in a run; scripts/model chooses. Each of its configurations is small enough to be
 * searched to the end, and large enough for one part of the protocol to go wrong in; none has
 * everything.
 *
 *   CALLERS, CALLS   threads, and how many calls each makes
 *   SEATS            the length of the row; it does not grow
 *   CAPPED           there is a queue, and a FREE seat may be stolen
 *   GENERATIONS      how many snapshots are published after the first
 *   RETIRES          each of them replaces the endpoint by another
 *   CAPS             1: the second snapshot lowers the cap by one seat, the third raises it again;
 *                    2: the second one raises it
 *   LEFT_OVER        the last seat begins with a connection, from when it was within the cap
 *   CLOSES           the last one is closed
 *   DRAINS           the reconfigurer drains after each; else he sweeps once
 *   DRAINERS         2: somebody else drains as well, by what he finds in force
 *   SWEEPS           how many times the sweeper goes over all seats
 *   IDLE             he may find any connection that nobody claims idle for too long
 *   REMINDS          and may make the stamp of a claimed seat old, whenever that is
 *   EXPIRES          a waiter may have a deadline; the others wait for as long as it takes
 *   FAILS            a dial or a call may fail
 *   HOLDS            caller 1 may hold his connection from one call to the next
 *   AWAITS           caller 1 may be away while a reply is outstanding, and the sweeper may find it overdue
 *   STAYS            caller 1 may be in a call, or keep his hold, when all else has ended
 *   EXITS            a thread may exit after any call, and does so after the last
 *   RECLAIMS         endpoints are memory, which is freed */

#ifndef CALLERS
# define CALLERS 2
#endif
#ifndef CALLS
# define CALLS 1
#endif
#ifndef SEATS
# define SEATS 1
#endif
#ifndef CAPPED
# define CAPPED 0
#endif
#ifndef RETIRES
# define RETIRES 0
#endif
#ifndef CAPS
# define CAPS 0
#endif
#ifndef CLOSES
# define CLOSES 0
#endif
#ifndef DRAINS
# define DRAINS 0
#endif
#ifndef DRAINERS
# define DRAINERS 1
#endif
#ifndef LEFT_OVER
# define LEFT_OVER 0
#endif
#ifndef SWEEPS
# define SWEEPS 0
#endif
#ifndef IDLE
# define IDLE 0
#endif
#ifndef REMINDS
# define REMINDS 0
#endif
#ifndef EXPIRES
# define EXPIRES 0
#endif
#ifndef FAILS
# define FAILS 0
#endif
#ifndef HOLDS
# define HOLDS 0
#endif
#ifndef AWAITS
# define AWAITS 0
#endif
#ifndef STAYS
# define STAYS 0
#endif
#ifndef EXITS
# define EXITS 0
#endif
#ifndef RECLAIMS
# define RECLAIMS 0
#endif

#if CAPS == 1
# define CAP(n) (SEATS - ((n) == 1)) /* lowered, and raised again */
# define CAP_GENERATIONS 2
#elif CAPS == 2
# define CAP(n) (SEATS - ((n) == 0)) /* raised */
# define CAP_GENERATIONS 1
#else
# define CAP(n) SEATS
# define CAP_GENERATIONS 0
#endif

#ifndef GENERATIONS
# if CAPS
#  define GENERATIONS CAP_GENERATIONS
# elif RETIRES || CLOSES
#  define GENERATIONS 1
# else
#  define GENERATIONS 0
# endif
#endif

#define CLOSED(n) (CLOSES && (n) == GENERATIONS)
/* Which endpoint a snapshot has. There is one at a time, and none comes back. */
#define ENDPOINT(n) (!CLOSED (n) * (RETIRES * (n) + 1))
#define NO_ENDPOINT 0

/* Threads by number; 0 is nobody. */
#define SWEEPER (CALLERS + 1)
#define RECONFIGURER (CALLERS + 2)
#define THREADS (CALLERS + (SWEEPS > 0) + (GENERATIONS > 0) + (DRAINERS > 1))

#define THREADS_MAX 5
