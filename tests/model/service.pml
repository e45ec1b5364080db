/* SPDX-License-Identifier: Apache-2.0 */

/* Those who come without a call: the sweeper, and whoever reconfigures, drains and closes. */

#if SWEEPS
/* What is in use and too old: its claimant sees to it when he releases it, as he finds an old stamp. */
inline remind ()
{
#if REMINDS
  if
  :: IS_IN_CALL (judged) -> d_step { stamp[i] = 0 }
  :: skip
  fi
#else
  skip
#endif
}

proctype sweeper ()
{
  byte me = SWEEPER;
  byte sweeps = SWEEPS;
  THREAD_VARIABLES;
  CLEANER_VARIABLES;

look_at_all:
  do
  :: i == SEATS && sweeps == 1 -> break
  :: i == SEATS && sweeps > 1 -> i = 0; sweeps--
  :: i < SEATS ->
     clean ();
     remind ();
     judged = CLAIMED;
     is_lost = 0;
     if
     :: seat != NO_SEAT -> goto release_again
     :: else -> i++
     fi
  od;
  i = 0;
  sweeps = 0;
  goto thread_ends;


release_again:
  release (FREE);
released:
  atomic {
    d_step { known[i] = known[i] & ~LEFT (me); left = CLAIMED; i++ };
    goto look_at_all
  };

thread_ends:
  atomic { end_thread () }
}
#endif

#if GENERATIONS
/* Which of the new seats is claimed for those who wait. A seat that was beyond the cap, and has
 * come back before anybody closed its connection, is FREE or SPARE. */
#ifdef FAULT_RISE_SERVES_EMPTY_ONLY
# define IS_FOR_WAITERS(state) ((state) == EMPTY)
#else
# define IS_FOR_WAITERS(state) ((state) == EMPTY || (state) == FREE || (state) == SPARE)
#endif

/* Announced, and then in force. Everything but serving new seats. */
inline publish ()
{
  d_step { flush (me); attention = attention + 2 }
  d_step {
    flush (me);
    root = next;
#if RECLAIMS
    n_references[ENDPOINT (root)] = 1
#endif
  }
#if RECLAIMS
  d_step { subject = ENDPOINT (next - 1); unref_endpoint (subject) }
#endif
  d_step { wanted = attention & WAIT }
}

#ifdef FAULT_ONE_SIGNAL_FOR_ALL
# define COUNT_MOVES n_moved = 0
# define HAS_MOVED n_moved > 0
#else
# define COUNT_MOVES n_seen = n_moved
# define HAS_MOVED n_moved != n_seen
#endif

/* After clean(): whether the seat is in order, or claimed by somebody who will see to it. */
inline judge_claimed ()
{
#if DRAINS
  if
  :: IS_IN_CALL (judged) ->
     d_step { is_old = stamp[i] < next }
     d_step {
       if
       :: is_old && IS_IN_CALL (word[i]) -> is_dirty = 1
       :: is_old && !IS_IN_CALL (word[i]) -> is_dirty = 1; n_seen = n_moved + 100 /* looks again at once */
       :: else
       fi;
       is_old = 0
     }
  :: else
  fi
#else
  skip
#endif
}

inline drain_ends ()
{
  d_step {
    flush (me);
    n_drainers--;
    if
    :: drained < next -> drained = next
    :: else
    fi;
    n_seen = 0;
    seat = 0;
    do
    :: seat < SEATS ->
       if
       :: connection[seat] != NO_ENDPOINT -> assert_in_force (connection[seat], seat, next)
       :: else
       fi;
       seat++
    :: else -> break
    od;
    seat = NO_SEAT
  }
}

proctype reconfigurer (byte me)
{
  byte next = 0;
  byte n_seen = 0;
  THREAD_VARIABLES;
  CLEANER_VARIABLES;
  bit is_serving = 0;
  bit is_dirty = 0, is_old = 0;

next_snapshot:
#if DRAINERS > 1
  if
  :: me == RECONFIGURER
  :: me != RECONFIGURER && next == 0 -> next = root; goto drain
  :: me != RECONFIGURER && next > 0 -> goto thread_ends
  fi;
#endif
  if
  :: next == GENERATIONS -> goto thread_ends
  :: else -> next++
  fi;
  publish ();
#if CAPS && !defined(FAULT_CAP_RISES_SILENTLY)
  if
  :: wanted && CAP (next) > CAP (next - 1) -> wanted = 0; is_serving = 1; i = CAP (next - 1)
  :: else -> wanted = 0
  fi;
#endif
#if CLOSES && CAPPED && !defined(FAULT_CLOSE_FORGETS_WAITERS)
  if
  :: CLOSED (next) -> queue_close ()
  :: else
  fi;
#endif
  wanted = 0;

drain:
#if DRAINS
  if
  :: d_step { flush (me); n_drainers++; COUNT_MOVES }
  fi;
#endif
look_at_all:
  do
  :: i == SEATS && is_serving -> is_serving = 0; i = 0
#if CAPS
  :: i < SEATS && is_serving ->
     d_step {
       if
       :: IS_FOR_WAITERS (SEEN (WORD, word, i)) -> flush (me); take (i)
       :: else
       fi
     };
     if
     :: seat != NO_SEAT -> goto release_again
     :: else -> i++
     fi
#endif
  :: i < SEATS && !is_serving ->
     clean ();
     if
     :: seat != NO_SEAT -> goto release_again
     :: seat == NO_SEAT && is_lost && DRAINS -> is_lost = 0 /* look again */
     :: else -> is_lost = 0; judge_claimed (); i++
     fi;
     judged = CLAIMED
  :: i == SEATS && !is_serving -> break
  od;
  i = 0;
#if DRAINS
  if
  :: is_dirty ->
     is_dirty = 0;
     HAS_MOVED;
     d_step { COUNT_MOVES };
     goto look_at_all
  :: else
  fi;
  drain_ends ();
#endif
  goto next_snapshot;


release_again:
  release (FREE);
released:
  atomic {
    d_step { known[i] = known[i] & ~LEFT (me); left = CLAIMED; judged = CLAIMED; i++ };
    goto look_at_all
  };

thread_ends:
  atomic { next = 0; end_thread () }
}
#endif
