/* SPDX-License-Identifier: Apache-2.0 */

/* One seat: its claim, what the claimant does to it, and leaving it. All of these but
 * make_current() are parts of a step.
 *
 * A thread has these variables: @seat, the one it has claimed; @left, the state it has left there;
 * @generation, @snapshot, what it has read. */

/* One must be the claimant to touch what is in a seat. */
inline touch ()
{
  assert (claimant[seat] == me)
}

/* What follows a successful compare-and-swap. */
inline take (i)
{
  assert (claimant[i] == 0);
  seat = i;
  claimant[seat] = me;
  known[seat] = 0;
  word[seat] = CLAIMED
}

/* The exact word, and nothing else, decides: not the state in it. */
#ifdef FAULT_NO_TAG
# define IS_EXACT(i, knowledge, state) (word[i] == (state))
#else
# define IS_EXACT(i, knowledge, state) (known[i] & (knowledge))
#endif

#define HAS_CONNECTION (SEEN (CONNECTION, connection, seat) != NO_ENDPOINT)
/* The cap is that of what is announced. */
#define IS_WITHIN_CAP(i) ((i) < CAP (GENERATION (attention)))
#define MUST_CLOSE(endpoint, i, snapshot) ((endpoint) != ENDPOINT (snapshot) || !IS_WITHIN_CAP (i))

/* The snapshot that is in force now, or one that has been since @from, leads to @endpoint; and the cap of one
 * of them, or of what is announced, allows the seat. */
inline assert_in_force (endpoint, i, from)
{
  n = from;
  do
  :: n <= root && ENDPOINT (n) != endpoint -> n++
  :: else -> break
  od;
  assert (n <= root);
  n = from;
  do
  :: n <= GENERATION (attention) && i >= CAP (n) -> n++
  :: else -> break
  od;
  assert (n <= GENERATION (attention));
  n = 0
}

inline close_connection ()
{
  touch ();
  if
  :: HAS_CONNECTION ->
     n_open--;
     subject = SEEN (CONNECTION, connection, seat);
     unref_endpoint (subject);
     STORE (CONNECTION, connection, seat, NO_ENDPOINT)
  :: else
  fi
}

/* To the endpoint of @snapshot. */
inline put_connection ()
{
  touch ();
  assert (!HAS_CONNECTION);
  n_open++;
  assert (n_open <= SEATS);
  subject = ENDPOINT (snapshot);
  /* A drain that was TRUE has promised that this does not happen. */
  assert_in_force (subject, seat, drained);
  STORE (CONNECTION, connection, seat, subject);
  snapshot = 0
}

/* The leaving store: sequentially consistent, an exchange. */
inline leave (state)
{
  touch ();
  if
  :: HAS_CONNECTION -> left = state
  :: else -> left = EMPTY
  fi;
#if !CAPPED
  leaver[seat] = me;
#endif
#if defined(FAULT_PLAIN_LEAVE) && defined(STORE_BUFFER)
  STORE (WORD, word, seat, left)
#else
  flush (me);
  word[seat] = left;
  known[seat] = LEFT (me);
  claimant[seat] = 0
#endif
}

/* await: as if it were claimed all the time, but that it can be closed in the thread's absence. */
inline await ()
{
  touch ();
#if !CAPPED
  leaver[seat] = me;
#endif
  flush (me);
  word[seat] = AWAITING;
  known[seat] = HOME (me);
  claimant[seat] = 0;
  home = seat;
#ifdef FAULT_NO_TAG
  home_state = AWAITING;
#endif
  seat = NO_SEAT
}

inline store_stamp ()
{
  touch ();
  assert (SEEN (STAMP, stamp, seat) <= generation);
#ifdef FAULT_PLAIN_STAMP
  STORE (STAMP, stamp, seat, generation)
#else
  flush (me);
  stamp[seat] = generation
#endif
}

inline close_retired ()
{
  if
  :: HAS_CONNECTION &&
     MUST_CLOSE (SEEN (CONNECTION, connection, seat), seat, snapshot) -> close_connection ()
  :: else
  fi
}

/* refresh: by the claimant, after the claim. Leaves @generation 0 if the seat is current, and nothing else
 * announced; else make_current() follows. */
inline look_at_generation ()
{
  touch ();
  generation = GENERATION (attention);
  if
  :: generation == SEEN (STAMP, stamp, seat) -> generation = 0
  :: else
  fi
}

inline wake_drainer ()
{
#if DRAINS && !defined(FAULT_NO_SIGNAL)
  /* If there is one: a signal that comes later than the look is as good. */
  d_step {
    if
    :: n_drainers > 0 -> flush (me); n_moved++
    :: else
    fi
  }
#else
  skip
#endif
}

/* The seat is of the generation of the snapshot that it was judged by. */
inline store_stamp_of_snapshot ()
{
#ifndef FAULT_STAMP_BY_ATTENTION
  generation = snapshot;
#endif
  store_stamp ()
}

/* Nobody else acts upon the connection of a seat that is claimed: loading the snapshot and closing
 * are one step. */
inline make_current ()
{
#if RECLAIMS
  read_root ();
  d_step { close_retired (); subject = ENDPOINT (snapshot); unref_endpoint (subject) }
  d_step { store_stamp_of_snapshot (); generation = 0; snapshot = 0 };
#elif defined(FAULT_STAMP_BEFORE_CLOSE)
  d_step { read_root (); store_stamp_of_snapshot () }
  d_step { close_retired (); generation = 0; snapshot = 0 };
#else
  d_step { read_root (); close_retired () }
  d_step { store_stamp_of_snapshot (); generation = 0; snapshot = 0 };
#endif
  wake_drainer ()
}
