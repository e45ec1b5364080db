/* SPDX-License-Identifier: Apache-2.0 */

/* Those who come without a call: the sweeper, and whoever reconfigures, drains and closes. */

#if SWEEPS
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
/* Everything but serving new seats. */
inline publish ()
{
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
  d_step { flush (me); wanted = attention & WAIT; attention = attention + 2 }
}

inline drain_begins ()
{
#if DRAINS
  d_step { flush (me); draining = 1 }
#else
  skip
#endif
}

/* After clean(): whether the seat is in order, or claimed by somebody who will see to it. */
inline judge_claimed ()
{
#if DRAINS
  if
  :: judged == CLAIMED -> d_step { is_dirty = is_dirty || stamp[i] < next }
  :: else
  fi
#else
  skip
#endif
}

inline drain_ends ()
{
  d_step {
    draining = 0;
    drained = next;
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

proctype reconfigurer ()
{
  byte me = RECONFIGURER;
  byte next = 0;
  THREAD_VARIABLES;
  CLEANER_VARIABLES;
  bit is_serving = 0;
  bit is_dirty = 0;

next_snapshot:
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
  drain_begins ();

look_at_all:
  do
  :: i == SEATS && is_serving -> is_serving = 0; i = 0
#if CAPS
  :: i < SEATS && is_serving ->
     d_step {
       if
       :: SEEN (WORD, word, i) == EMPTY -> flush (me); take (i)
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
     d_step { moved -> moved = 0 };
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
