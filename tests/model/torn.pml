/* SPDX-License-Identifier: Apache-2.0 */

/* Two services that change together: whoever calls one and then the other does not reach what is older by the
 * second than what he has reached by the first, nor by a seat that somebody else has made current meanwhile.
 *
 * A service has one seat, which callers take in turn; a connection is the generation that it leads to. What
 * the seats do besides is in seats.pml. */

#ifndef SERVICES
# define SERVICES 2
#endif
#define CALLERS 2
#define CALLS 3
#define GENERATIONS 2

byte root;                /* the table in force */
byte attention[SERVICES]; /* the generation that is announced */
byte stamp[SERVICES], connection[SERVICES];
bit claimed[SERVICES];

inline announce ()
{
  atomic { i = 0 };
  do
  :: i < SERVICES -> d_step { attention[i]++; i++ }
  :: else -> break
  od
}

/* What the root's lock is held for. */
proctype writer ()
{
  byte i;

  do
  :: root < GENERATIONS ->
#ifdef FAULT_RAISED_AFTER
     root++;
     announce ()
#else
     announce ();
     root++
#endif
  :: else -> break
  od
}

proctype caller ()
{
  byte calls = CALLS, service, snapshot;
  byte seen; /* the newest that it has reached */
  byte begun; /* in force when the call began */

  do
  :: calls == 0 -> break
  :: calls > 0 ->
     calls--;
     if
     :: service = 0
     :: service = SERVICES - 1
     fi;
     begun = root;
     d_step { !claimed[service] -> claimed[service] = 1 };
     if
     :: stamp[service] == attention[service]
     :: else ->
        snapshot = root;
        d_step {
          connection[service] = snapshot;
#ifdef FAULT_STAMP_BY_ATTENTION
          stamp[service] = attention[service];
#else
          stamp[service] = snapshot;
#endif
          snapshot = 0
        }
     fi;
     d_step {
#ifndef SEEN_ONLY
       /* Stronger than what is promised, which is from the moment that the writer returns. */
       assert (connection[service] >= begun);
#endif
       assert (connection[service] >= seen);
       seen = connection[service];
       claimed[service] = 0;
       begun = 0
     }
  od
}

init {
  byte n;

  atomic {
    run writer ();
    do
    :: n < CALLERS -> run caller (); n++
    :: else -> break
    od
  }
}
