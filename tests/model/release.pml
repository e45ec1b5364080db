/* SPDX-License-Identifier: Apache-2.0 */

/* The only way out of a seat. */

#define THREAD_VARIABLES \
  byte seat = NO_SEAT; \
  byte left = CLAIMED; /* the state in which it was left for good */ \
  byte generation = 0; \
  byte snapshot = 0; \
  byte i = 0; \
  byte longest = 0; \
  bit wanted = 0; \
  bit moved_on = 0

/* With HELD the holder keeps his connection, whoever waits; while he has one. */
#ifdef FAULT_HOLD_GIVEN_AWAY
# define IS_KEPT(state) false
#else
# define IS_KEPT(state) ((state) == HELD && HAS_CONNECTION)
#endif
#define SEAT_IS_WITHIN_CAP IS_WITHIN_CAP (seat)

/* After the store: is there anything that whoever looked while the seat was claimed has left to us? What is
 * announced may be in force: that is looked at next. */
inline look (state)
{
  wanted = CAPPED && (attention & WAIT) && left != HELD;
  moved_on = GENERATION (attention) != generation;
#ifdef FAULT_LOOK_WAIT_ONLY
  moved_on = 0;
#endif
#ifdef FAULT_NO_LOOK
  wanted = 0;
  moved_on = 0;
#endif
#ifdef FAULT_HOLD_DOES_NOT_LOOK
  moved_on = moved_on && left != HELD
#endif
}

/* What is announced and not in force yet is for the sweep that follows its publication. */
inline look_at_root ()
{
  moved_on = root != generation
}

/* Leaves the claimed seat in @state, or EMPTY, or to a waiter; then goes to the label released,
 * with the seat's number in @i. Stands at the label release_again. */
inline release (state)
{
#if GENERATIONS
  atomic {
    d_step { i = seat; look_at_generation () }
    if
    :: generation == 0 -> goto serve
    :: else
    fi
  }
  make_current ();
serve:
#endif
#if CAPPED
  atomic {
    d_step { i = seat; touch (); wanted = (attention & WAIT) && !IS_KEPT (state) }
    if
    :: !wanted -> goto leave_it
    :: else
    fi
  }
# if CAPS
  atomic {
    d_step { wanted = SEAT_IS_WITHIN_CAP }
    if
    :: !wanted -> goto leave_it
    :: else
    fi
  }
# endif
  queue_serve ();
  if
  :: seat == NO_SEAT -> wanted = 0; goto released
  :: else -> wanted = 0
  fi;
#endif
leave_it:
  atomic { d_step { i = seat; generation = SEEN (STAMP, stamp, seat); leave (state) } }
  atomic {
    d_step { look (state) }
    if
    :: !wanted && !moved_on -> generation = 0; seat = NO_SEAT; goto released
    :: else
    fi
  }
#if GENERATIONS
  if
  :: moved_on ->
     atomic {
       d_step { look_at_root () }
       if
       :: !wanted && !moved_on -> generation = 0; seat = NO_SEAT; goto released
       :: else
       fi
     }
  :: else
  fi;
#endif
#if CAPS
  if
  :: moved_on
  :: else ->
     atomic {
       d_step { wanted = SEAT_IS_WITHIN_CAP }
       if
       :: !wanted -> generation = 0; seat = NO_SEAT; goto released
       :: else
       fi
     }
  fi;
#endif
  atomic {
    d_step {
      generation = 0;
      wanted = 0;
      moved_on = 0;
      flush (me);
      if
      :: IS_EXACT (seat, LEFT (me), left) -> take (seat)
      :: else -> seat = NO_SEAT
      fi;
      left = CLAIMED
    }
    if
    :: seat != NO_SEAT -> goto release_again
    /* Lost: whoever has it does this in his turn. */
    :: else -> goto released
    fi
  }
}
