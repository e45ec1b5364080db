/* SPDX-License-Identifier: Apache-2.0 */

/* What sweeper and drainer do with a seat that nobody claims, and the end of a thread. */

#define CLEANER_VARIABLES \
  byte judged = CLAIMED; /* the state that was looked at */ \
  byte endpoint = NO_ENDPOINT; \
  bit is_lost = 0

inline load_word ()
{
  judged = SEEN (WORD, word, i);
  known[i] = known[i] | LEFT (me)
}

inline judge_connection ()
{
  if
#ifdef FAULT_AWAITING_IS_FREE
  :: judged == EMPTY || judged == CLAIMED -> wanted = 0
#else
  :: judged == EMPTY || IS_IN_CALL (judged) -> wanted = 0
#endif
  :: else -> wanted = endpoint != NO_ENDPOINT && MUST_CLOSE (endpoint, i, root)
  fi
}

/* Claims seat i and closes its connection if that must be, and then it is to be released. Else
 * @is_lost says that somebody was faster, and @judged what the word was. */
inline clean ()
{
#if RECLAIMS
  d_step { read_lock (); load_word () }
  d_step { endpoint = connection[i] }
  d_step {
    assert (endpoint == NO_ENDPOINT || IS_ALIVE (endpoint));
    judge_connection ();
    read_unlock ()
  }
#else
  d_step { load_word () }
  d_step { endpoint = connection[i]; judge_connection () }
#endif
#if IDLE
  if
  :: me == SWEEPER && judged != EMPTY && !IS_IN_CALL (judged) -> wanted = 1
  :: true
  fi;
#endif
#if AWAITS
  /* Overdue, whenever that is. */
  if
  :: me == SWEEPER && judged == AWAITING -> wanted = 1
  :: true
  fi;
#endif
  d_step {
    if
    :: !wanted
#ifdef FAULT_CLOSE_WITHOUT_CLAIM
    :: wanted && connection[i] == NO_ENDPOINT
    :: wanted && connection[i] != NO_ENDPOINT ->
       assert (claimant[i] == 0);
       n_open--;
       connection[i] = NO_ENDPOINT
#else
    :: wanted && IS_EXACT (i, LEFT (me), judged) ->
       flush (me);
       take (i);
       /* It is what was judged. */
       assert (connection[i] == endpoint);
       close_connection ()
    :: wanted && !IS_EXACT (i, LEFT (me), judged) -> flush (me); is_lost = 1
#endif
    fi;
    wanted = 0;
    endpoint = NO_ENDPOINT;
    known[i] = known[i] & ~LEFT (me)
  }
}

inline assert_end ()
{
#if CAPPED
  assert (n_queued == 0 && (attention & WAIT) == 0);
#endif
  n_found = 0;
  seat = 0;
  do
  :: seat < SEATS ->
     n_found = n_found + (connection[seat] != NO_ENDPOINT);
     if
     :: claimant[seat] != 0 -> assert (stays && claimant[seat] == 1)
     :: else ->
        assert (!IS_IN_CALL (word[seat]));
        assert ((word[seat] == EMPTY) == (connection[seat] == NO_ENDPOINT));
        /* Threads that have exited left nothing to themselves; under a cap it would be anybody's. */
        assert (!EXITS || CAPPED || word[seat] != FREE);
        if
        :: connection[seat] != NO_ENDPOINT ->
           assert_in_force (connection[seat], seat, GENERATIONS)
        :: else
        fi
     fi;
     seat++
  :: else -> break
  od;
  assert (n_found == n_open);
  seat = NO_SEAT
}

/* The last thread looks at what is left. */
inline end_thread ()
{
  d_step {
    flush (me);
    n_ended++;
    if
    :: n_ended == THREADS -> assert_end ()
    :: else
    fi
  }
}
