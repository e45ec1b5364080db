/* SPDX-License-Identifier: Apache-2.0 */

/* The queue of a capped service: first come, first served; every access under its mutex. Where
 * only one access of a critical section can be seen from outside, the section is one step. */

#if CAPPED
#define NO_GRANT 255
#define GRANT_CLOSED 254

byte queue[CALLERS];
byte n_queued;
byte mutex; /* who has it */
byte grant[CALLERS + 1] = NO_GRANT; /* by thread: the seat */
byte asked[CALLERS + 1]; /* by thread: the generation in force when its call began, for the assertion */

inline unlink (thread)
{
  n = 0;
  do
  :: n < n_queued && queue[n] != thread -> n++
  :: else -> break
  od;
  if
  :: n < n_queued ->
     n_queued--;
     do
     :: n < n_queued -> queue[n] = queue[n + 1]; n++
     :: else -> break
     od;
     queue[n_queued] = 0
  :: else
  fi;
  n = 0
}

inline wait_off_if_empty ()
{
  if
  :: n_queued == 0 -> attention = attention & ~WAIT
  :: else
  fi
}

/* Before unlocking. */
inline assert_wait ()
{
  assert ((attention & WAIT) == (n_queued > 0))
}

inline queue_join ()
{
  d_step { asked[me] = begun };
  atomic {
    mutex == 0;
    d_step {
      flush (me);
      queue[n_queued] = me;
      n_queued++;
      attention = attention | WAIT;
      assert_wait ();
      queued = 1
    }
  }
}

/* The deadline has passed, or the service is closed: out of the queue, unless there is a grant. */
inline queue_expire ()
{
  atomic {
    mutex == 0;
    d_step {
      flush (me);
      if
      :: grant[me] != NO_GRANT
      :: else -> unlink (me); wait_off_if_empty ()
      fi;
      assert_wait ();
#ifdef FAULT_EXPIRED_DROPS_GRANT
      grant[me] = NO_GRANT
#endif
    }
  }
}

#ifdef FAULT_SENDS_AHEAD_UNCHECKED
# define IS_AS_ASKED true
#else
# define IS_AS_ASKED (SEEN (STAMP, stamp, seat) == GENERATION (attention))
#endif

/* The request of the waiter goes out before he wakes up, where the seat is current once he is out of the
 * queue: he may have begun after a change that came since it was made so. */
inline send_ahead ()
{
  if
  :: HAS_CONNECTION && IS_AS_ASKED ->
     subject = SEEN (CONNECTION, connection, seat);
     assert_in_force (subject, seat, asked[longest]);
     assert_in_force (subject, seat, drained)
  :: else
  fi
}

/* Hands the claimed seat over to the longest waiter, by a new tag that he alone knows. */
inline queue_serve ()
{
#ifdef FAULT_SERVE_WITHOUT_MUTEX
  d_step { flush (me); longest = (n_queued > 0 -> queue[0] : 0) }
#else
  atomic { mutex == 0; d_step { flush (me); mutex = me; longest = (n_queued > 0 -> queue[0] : 0) } }
#endif
  d_step {
    if
    :: longest != 0 ->
       touch ();
       send_ahead ();
       unlink (longest);
       claimant[seat] = longest;
#ifdef FAULT_SERVED_KEEPS_HOME
       known[seat] = LEFT (me);
       left = FREE;
#endif
       grant[longest] = seat;
       longest = 0;
       seat = NO_SEAT
    :: else
    fi
  }
  d_step {
    wait_off_if_empty ();
#ifndef FAULT_SERVE_WITHOUT_MUTEX
    assert_wait ();
    mutex = 0
#endif
  }
}

inline queue_close ()
{
  atomic {
    mutex == 0;
    d_step {
      flush (me);
      mutex = me;
      do
      :: n_queued > 0 ->
         longest = queue[0];
         unlink (longest);
         grant[longest] = GRANT_CLOSED
      :: else -> break
      od;
      longest = 0
    }
  }
  d_step { wait_off_if_empty (); assert_wait (); mutex = 0 }
}
#endif
