/* SPDX-License-Identifier: Apache-2.0 */

/* A thread that calls. */

#if EXITS
# define FIRST_PASS SPARE
#else
# define FIRST_PASS EMPTY
#endif
#define NO_PASS 255
#if CAPS
# define LIMIT limit
#else
# define LIMIT SEATS
#endif

/* The row of the program grows. This one is long enough for all threads, so there must be room when
 * nobody does anything else: if not, a connection is pinned where nobody may claim it. */
#define IS_FOR_ANYONE(i) (word[i] == EMPTY || word[i] == SPARE)
#if SEATS == 1
# define SOME_SEAT_IS_FOR_ANYONE IS_FOR_ANYONE (0)
#elif SEATS == 2
# define SOME_SEAT_IS_FOR_ANYONE (IS_FOR_ANYONE (0) || IS_FOR_ANYONE (1))
#elif SEATS == 3
# define SOME_SEAT_IS_FOR_ANYONE (IS_FOR_ANYONE (0) || IS_FOR_ANYONE (1) || IS_FOR_ANYONE (2))
#endif

/* Where to go on after a release. */
#define TO_NEXT_CALL 0
#define TO_CLAIM 1
#define TO_WAIT 2

/* claim_home: by the exact word that was left there, whatever state is in it. Part of a step. */
inline claim_home ()
{
  if
  :: home == NO_SEAT
  :: home != NO_SEAT && IS_EXACT (home, HOME (me), home_state) ->
#if !CAPPED
     assert (leaver[home] == me);
#endif
     flush (me);
     take (home)
  :: home != NO_SEAT && !IS_EXACT (home, HOME (me), home_state) -> flush (me)
  fi;
  home = NO_SEAT;
  home_state = CLAIMED
}

/* claim_any: one look at one seat: SPARE (adopt), then EMPTY, then FREE (steal), where there may be
 * such. Part of a step. */
inline claim_next ()
{
  if
  :: SEEN (WORD, word, i) == pass -> flush (me); take (i); i = 0; pass = FIRST_PASS
  :: else ->
     i++;
     if
     :: i < LIMIT
     :: else ->
        i = 0;
        if
        :: pass == SPARE -> pass = EMPTY
        :: pass == EMPTY && CAPPED -> pass = FREE
        :: else -> pass = NO_PASS
        fi
     fi
  fi
}

/* After the release of what was claimed for a call: this is where the next one begins. */
inline remember_home ()
{
  if
  :: left != CLAIMED && IS_EXACT (i, LEFT (me), left) ->
     home = i;
     known[i] = (known[i] & ~LEFT (me)) | HOME (me);
     held = state == HELD && left == HELD;
#ifdef FAULT_NO_TAG
     home_state = left
#endif
  :: else
  fi;
  /* Nobody else had a reason to close what is to be held. */
  assert (state != HELD || held || GENERATIONS || IDLE || FAILS)
}

proctype caller (byte me)
{
  THREAD_VARIABLES;
  byte home = NO_SEAT; /* where a connection was left */
  byte home_state = CLAIMED;
  byte calls = CALLS;
  byte begun = 0; /* the generation in force when the call began */
  byte pass = FIRST_PASS;
  byte state = FREE;
  byte then = TO_NEXT_CALL;
  bit held = 0;
#if CAPS
  byte limit = 0;
#endif
#if CAPPED
  bit queued = 0;
  bit may_expire = 0;
#endif
#ifdef FAULT_GENERATION_BEFORE_CLAIM
  bit is_early = 0;
  byte early_generation = 0;
  byte early_snapshot = 0;
#endif

next_call:
  if
  :: atomic {
       calls > 0 -> calls--;
#ifdef FAULT_GENERATION_BEFORE_CLAIM
       d_step { begun = root; is_early = 1; early_generation = begun; early_snapshot = root };
       goto claim_late
#else
       d_step { begun = root; claim_home () };
       goto claimed_home
#endif
     }
#if HOLDS
  :: held -> goto let_go
#endif
#if EXITS
  :: home != NO_SEAT -> goto donate
#endif
  :: atomic {
       calls == 0 && (STAYS || !held) && (!EXITS || home == NO_SEAT) -> goto thread_ends
     }
  fi;

#ifdef FAULT_GENERATION_BEFORE_CLAIM
claim_late:
  atomic { d_step { claim_home () } };
#endif

claimed_home:
  if
  :: seat != NO_SEAT -> goto claimed
#if HOLDS
  /* Somebody has closed it: the hold is over, and so is the call. */
  :: seat == NO_SEAT && held -> assert (GENERATIONS || IDLE); held = 0; goto next_call
#endif
  :: seat == NO_SEAT && !held
  fi;

claim_any:
#if CAPPED
  atomic {
    d_step { wanted = attention & WAIT };
    if
    :: wanted -> wanted = 0; goto join
    :: else
    fi
  };
#endif
scan:
#if CAPS
  atomic { d_step { limit = CAP (GENERATION (attention)) } };
#endif
  do
  :: atomic {
       d_step { claim_next () };
       if
       :: seat == NO_SEAT && pass != NO_PASS
#if CAPPED
       :: seat != NO_SEAT && !queued -> goto claimed
       /* It goes to the longest waiter, who may be this one. */
       :: seat != NO_SEAT && queued -> then = TO_WAIT; goto release_again
       :: seat == NO_SEAT && pass == NO_PASS && queued -> pass = FIRST_PASS; goto wait
       :: seat == NO_SEAT && pass == NO_PASS && !queued -> pass = FIRST_PASS; goto join
#else
       :: seat != NO_SEAT -> goto claimed
       :: seat == NO_SEAT && pass == NO_PASS -> pass = FIRST_PASS; goto grow
#endif
       fi
     }
  od;

#if !CAPPED
grow:
  SOME_SEAT_IS_FOR_ANYONE;
  goto scan;
#endif

#if CAPPED
join:
# if EXPIRES
  if
  :: may_expire = 1
  :: true
  fi;
# endif
  queue_join ();
# ifdef FAULT_GRANTED_DOES_NOT_SCAN
  if
  :: grant[me] != NO_GRANT
  :: grant[me] == NO_GRANT -> goto scan
  fi;
# elif !defined(FAULT_NO_SECOND_SCAN)
  goto scan;
# endif

/* queue_wait */
wait:
# if CLOSES
  atomic { d_step { wanted = CLOSED (root) } };
# endif
  if
  :: grant[me] != NO_GRANT
  :: may_expire || wanted -> queue_expire ()
  fi;
  atomic {
    queued = 0;
    may_expire = 0;
    wanted = 0;
    if
    :: grant[me] == NO_GRANT || grant[me] == GRANT_CLOSED -> grant[me] = NO_GRANT; goto next_call
    :: else -> seat = grant[me]; grant[me] = NO_GRANT
    fi
  };
#endif

claimed:
#ifdef FAULT_GENERATION_BEFORE_CLAIM
  if
  :: is_early && early_generation > SEEN (STAMP, stamp, seat) ->
     d_step { snapshot = early_snapshot; close_retired (); snapshot = 0 }
     d_step { generation = early_generation; store_stamp (); generation = 0 }
     wake_drainer ();
     goto dial
  :: is_early && early_generation <= SEEN (STAMP, stamp, seat) -> goto dial
  :: else
  fi;
#endif
#if GENERATIONS
  atomic {
    d_step { look_at_generation () };
    if
    :: generation == 0 -> goto dial
    :: else
    fi
  };
  make_current ();
#endif

dial:
  if
  :: HAS_CONNECTION -> goto use
  :: else
  fi;
#if HOLDS
  if
  :: held -> held = 0; goto release_again
  :: else
  fi;
#endif
#ifdef FAULT_GENERATION_BEFORE_CLAIM
  if
  :: is_early -> snapshot = early_snapshot; is_early = 0
  :: else -> d_step { read_root () }
  fi;
#elif RECLAIMS
  read_root ();
#else
  d_step { read_root () };
#endif
#ifdef FAULT_DIALS_BEYOND_CAP
# define MAY_DIAL(snapshot) (!CLOSED (snapshot))
#else
# define MAY_DIAL(snapshot) (!CLOSED (snapshot) && IS_WITHIN_CAP (seat))
#endif
  if
  :: CLOSED (snapshot) -> snapshot = 0; goto release_again
  /* Beyond the cap: it leads to no connection. */
  :: !CLOSED (snapshot) && !MAY_DIAL (snapshot) -> snapshot = 0; then = TO_CLAIM; goto release_again
#if FAILS
  :: MAY_DIAL (snapshot) ->
     snapshot = 0;
# ifdef FAULT_FAILED_DIAL_KEEPS
     seat = NO_SEAT;
     goto next_call
# else
     goto release_again
# endif
#endif
  :: MAY_DIAL (snapshot) ->
     atomic { d_step { put_connection () }; goto claimed }
  fi;

use:
  atomic {
    d_step {
      touch ();
      assert (HAS_CONNECTION);
      subject = SEEN (CONNECTION, connection, seat);
      assert_in_force (subject, seat, begun);
      assert_in_force (subject, seat, drained);
      begun = 0;
      held = 0
    };
    if
    :: true
#if FAILS
    :: d_step { close_connection () }
#endif
#if HOLDS
    :: me == 1 -> state = HELD
#endif
#if AWAITS
    :: me == 1 -> d_step { await () }; goto away
#endif
#if STAYS && !DRAINS
    :: me == 1 -> stays = 1; goto thread_ends
#endif
    fi
  };


release_again:
  release (state);
released:
  atomic {
    d_step {
      if
      :: then != TO_WAIT -> remember_home ()
      :: else
      fi;
      if
      :: left != CLAIMED -> known[i] = known[i] & ~LEFT (me)
      :: else
      fi;
      i = 0;
      left = CLAIMED;
      state = FREE
    };
    if
    :: then == TO_NEXT_CALL -> goto next_call
    :: then == TO_CLAIM -> then = TO_NEXT_CALL; goto claim_any
#if CAPPED
    :: then == TO_WAIT -> then = TO_NEXT_CALL; goto wait
#endif
    fi
  };

#if AWAITS
/* The reply is due, and the thread with the program. */
away:
  atomic {
    d_step {
# ifdef FAULT_COMES_BACK_UNASKED
      seat = home;
      claimant[seat] = me;
      home = NO_SEAT
# else
      claim_home ()
# endif
    };
    if
    :: seat != NO_SEAT -> assert (HAS_CONNECTION); goto release_again
    /* Overdue: closed, and the call has failed. */
    :: else -> assert (SWEEPS); goto next_call
    fi
  };
#endif

#if HOLDS
let_go:
  atomic {
    d_step { claim_home (); held = 0 };
    if
    :: seat != NO_SEAT -> goto release_again
    :: else -> goto next_call
    fi
  };
#endif

#if EXITS
/* The thread exits; whoever calls next is another one. */
donate:
  atomic {
    d_step { claim_home () };
    if
    :: seat != NO_SEAT -> state = SPARE; goto release_again
    :: else -> goto next_call
    fi
  };
#endif

thread_ends:
  atomic { end_thread () }
#if STAYS
  ;
end_stays:
  !stays
#endif
}
