/* SPDX-License-Identifier: Apache-2.0 */

/* What threads share, and how they see it.
 *
 * A step of the model is one access to what is contended, with whatever the thread does besides to
 * what is its own: its variables, and the seat that it has claimed. Where a load and a
 * compare-and-swap of the value loaded follow each other, with nothing read in between on which
 * the outcome depends, they are one step: the tag sees to it that nothing is lost by that.
 *
 * As it stands the model is sequentially consistent: each store is seen by all at once. With
 * STORE_BUFFER each thread has a buffer for one store, as x86 has for many: stores that are not
 * sequentially consistent go there, are seen by their thread at once and by the others at any time
 * later; a read-modify-write, a sequentially consistent store, or the next store empty it. One
 * entry is enough to take a store past the next load, which is all that x86 does. */

#define NO_SEAT 255

#define EMPTY 0
#define FREE 1
#define SPARE 2
#define HELD 3
#define AWAITING 4
#define CLAIMED 5
#define IS_IN_CALL(state) ((state) >= AWAITING)

/* A word is a state and a tag that grows on every transition. Here tags have no numbers, of which
 * there would have to be many: what is kept for each seat is which threads know its word, each
 * from when it left the seat (LEFT), from when it left its connection there (HOME), or from when
 * it looked (LEFT again). A transition makes all of them forget. So a compare-and-swap of a word
 * that was read finds what a tag that never comes round would make it find. */
#define LEFT(thread) (1 << (thread))
#define HOME(thread) (1 << ((thread) + THREADS_MAX))

/* The seats; see tlc-seat.h for who writes what. A connection is the endpoint where it leads. */
byte word[SEATS]; /* the state in it */
short known[SEATS];
byte connection[SEATS];
byte stamp[SEATS];

/* The service. */
byte attention; /* generation << 1 | WAIT: what is announced */
byte root;      /* the snapshot in force, by its generation */
#define WAIT 1
#define GENERATION(attention) ((attention) >> 1)

byte n_drainers;
byte n_moved; /* seats made current while somebody drains: the signal */

/* What no program has: for the assertions. */
byte claimant[SEATS]; /* who has claimed it */
#if !CAPPED
byte leaver[SEATS];   /* who left it last */
#endif
byte n_open;          /* connections */
byte drained;         /* the newest generation for which a drain was TRUE */
byte n_ended;         /* threads */
bit stays;            /* caller 1 is in a call for good */

/* For use within one step. */
hidden byte n, current, n_found, subject;

#define NOTHING 0
#define WORD 1
#define STAMP 2
#define CONNECTION 3

#ifdef STORE_BUFFER
byte buffered[THREADS_MAX + 1];
byte buffered_seat[THREADS_MAX + 1];
byte buffered_value[THREADS_MAX + 1];
# define SEEN(what, array, i) \
  ((buffered[me] == what && buffered_seat[me] == (i)) -> buffered_value[me] : array[i])

/* Part of a step. */
inline flush (thread)
{
  if
  :: buffered[thread] == WORD ->
     word[buffered_seat[thread]] = buffered_value[thread];
     known[buffered_seat[thread]] = LEFT (thread);
     claimant[buffered_seat[thread]] = 0
  :: buffered[thread] == STAMP -> stamp[buffered_seat[thread]] = buffered_value[thread]
  :: buffered[thread] == CONNECTION -> connection[buffered_seat[thread]] = buffered_value[thread]
  :: else
  fi;
  buffered[thread] = NOTHING;
  buffered_seat[thread] = 0;
  buffered_value[thread] = 0
}

# define STORE(what, array, i, value) \
  flush (me); \
  buffered[me] = what; \
  buffered_seat[me] = i; \
  buffered_value[me] = value

/* Empties buffers when it likes. */
active proctype memory ()
{
end:
  do
  :: d_step { buffered[1] != NOTHING -> flush (1) }
  :: d_step { buffered[2] != NOTHING -> flush (2) }
  :: d_step { buffered[3] != NOTHING -> flush (3) }
  :: d_step { buffered[4] != NOTHING -> flush (4) }
  :: d_step { buffered[5] != NOTHING -> flush (5) }
  od
}
#else
# define SEEN(what, array, i) array[i]
inline flush (thread) { skip }
# define STORE(what, array, i, value) array[i] = value
#endif
