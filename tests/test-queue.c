/* SPDX-License-Identifier: Apache-2.0 */

/* Seats for those who have none: what a claim takes first, who is next where all are taken, and
 * what becomes of a seat that is given away. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "connect/tlc-condemn.h"
#include "model/tlc-clock.h"
#include "support/tlc-seats-fixture.h"

/* Long enough to be seen waiting, under valgrind too. */
#define SOON_US (500 * 1000)
#define FOR_EVER_US (60 * G_USEC_PER_SEC)

static void
fixture_cap (Fixture *fixture, const char *cap)
{
  fixture_change (fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", cap,
                                              NULL));
  tlc_seats_follow_change (fixture->seats);
}

/* A claimed seat with a connection. */
static void
fixture_occupy (Fixture *fixture, TlcHome *home, int *ret_peer)
{
  fixture_settle (fixture, home, ret_peer);
  ck_assert (tlc_seat_claim_home (home));
}

typedef struct {
  Fixture *fixture;
  gint64 timeout_us;
  guint max_waiting;
  TlcQueueRequest *request;
  gboolean keeps; /* what it is given */
  TlcQueueVerdict verdict;
  TlcHome home;
  guint order; /* as which of all it was served */
  gint32 number;
  atomic_uint *n_served;
  pthread_t thread;
} Waiter;

static void *
waiter_main (void *data)
{
  Waiter *waiter = data;

  waiter->number = gettid ();
  waiter->verdict = tlc_queue_wait (waiter->fixture->seats, &waiter->home, waiter->request, waiter->number,
                                    waiter->max_waiting, tlc_clock_now_us () + waiter->timeout_us);
  waiter->order = atomic_fetch_add (waiter->n_served, 1) + 1;
  if (waiter->verdict == TLC_QUEUE_GRANTED && !waiter->keeps)
    tlc_seats_release (waiter->fixture->seats, &waiter->home);
  return NULL;
}

static guint
count_waiting (Fixture *fixture)
{
  return tlc_queue_count (&fixture->seats->queue);
}

static gboolean
is_wait_set (Fixture *fixture)
{
  return (tlc_seats_look (fixture->seats) & TLC_SEATS_WAIT) != 0;
}

/* Begins to wait, and does, when this returns. */
static void
waiter_begin (Waiter *waiter)
{
  Fixture *fixture = waiter->fixture;
  guint before = count_waiting (fixture);

  ck_assert_int_eq (pthread_create (&waiter->thread, NULL, waiter_main, waiter), 0);
  while (count_waiting (fixture) == before)
    g_usleep (100);
}

static void
waiter_start_with (Waiter *waiter, Fixture *fixture, atomic_uint *n_served, gint64 timeout_us,
                   TlcQueueRequest *request)
{
  *waiter = (Waiter){ .fixture = fixture,
                      .timeout_us = timeout_us,
                      .max_waiting = 100,
                      .request = request,
                      .n_served = n_served };
  waiter_begin (waiter);
}

static void
waiter_start (Waiter *waiter, Fixture *fixture, atomic_uint *n_served, gint64 timeout_us)
{
  waiter_start_with (waiter, fixture, n_served, timeout_us, NULL);
}

static void
waiter_must_end (Waiter *waiter, TlcQueueVerdict verdict)
{
  ck_assert_int_eq (pthread_join (waiter->thread, NULL), 0);
  ck_assert_int_eq (waiter->verdict, verdict);
}

/* Law 6: SPARE before EMPTY before FREE, and that under a cap alone; never HELD. */
START_TEST (test_queue_what_is_claimed_first)
{
  Fixture fixture;
  TlcHome spare = { NULL, 0 }, free = { NULL, 0 }, held = { NULL, 0 }, other = { NULL, 0 };
  int peers[3];

  fixture_init (&fixture);
  fixture_occupy (&fixture, &held, &peers[0]);
  tlc_seats_release_as (fixture.seats, &held, TLC_SEAT_HELD);
  fixture_settle (&fixture, &free, &peers[1]);
  fixture_occupy (&fixture, &spare, &peers[2]);
  tlc_seats_donate (fixture.seats, &spare, 1);
  ck_assert_uint_eq (state_of (&held), TLC_SEAT_HELD);
  ck_assert_uint_eq (state_of (&spare), TLC_SEAT_SPARE);
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_ADOPTED);
  ck_assert_ptr_eq (other.seat, spare.seat);
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_EMPTY);

  fixture_cap (&fixture, "3");
  other.seat = NULL;
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_STOLEN);
  ck_assert_ptr_eq (other.seat, free.seat);
  ck_assert (!tlc_seat_claim_home (&free));
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_NONE);
  ck_assert (tlc_seat_claim_home (&held));
  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    close (peers[i]);
  fixture_clear (&fixture);
}
END_TEST

/* A thread whose home was stolen, and left again, finds it before any other. */
START_TEST (test_queue_ones_own_first)
{
  Fixture fixture;
  TlcHome first = { NULL, 0 }, own = { NULL, 0 }, thief;
  int peers[2];

  fixture_init (&fixture);
  fixture_cap (&fixture, "2");
  fixture_settle (&fixture, &first, &peers[0]);
  ck_assert (tlc_seat_claim_home (&first));
  fixture_settle (&fixture, &own, &peers[1]);
  thief = own;
  ck_assert (tlc_seat_claim_home (&thief));
  tlc_seats_release (fixture.seats, &thief);
  tlc_seats_release (fixture.seats, &first);
  ck_assert (!tlc_seat_claim_home (&own));
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &own), TLC_CLAIM_STOLEN);
  ck_assert_ptr_eq (own.seat, thief.seat);
  close (peers[0]);
  close (peers[1]);
  fixture_clear (&fixture);
}
END_TEST

/* What was to be SPARE, and has no connection or was given away, is not counted as such. */
START_TEST (test_queue_not_spare_after_all)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  atomic_uint n_served = 0;
  Waiter waiter;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  ck_assert (tlc_seats_claim_vacant (fixture.seats, &home));
  tlc_seats_stock (fixture.seats, &home);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_EMPTY);
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  fixture_occupy (&fixture, &home, &peer);
  waiter_start (&waiter, &fixture, &n_served, FOR_EVER_US);
  tlc_seats_donate (fixture.seats, &home, 8);
  waiter_must_end (&waiter, TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* No more SPARE than asked for: others are closed. */
START_TEST (test_queue_donates_so_many)
{
  enum { N = 5 };
  Fixture fixture;
  TlcHome homes[N] = { { NULL, 0 } };
  int peers[N];

  fixture_init (&fixture);
  for (guint i = 0; i < N; i++)
    fixture_occupy (&fixture, &homes[i], &peers[i]);
  for (guint i = 0; i < N; i++)
    {
      tlc_seats_donate (fixture.seats, &homes[i], 2);
      ck_assert_int_eq (peer_is_closed (peers[i]), i >= 2);
      ck_assert_uint_eq (fixture.seats->n_spare, MIN (i + 1, 2));
      close (peers[i]);
    }
  fixture_close (&fixture);
  tlc_seats_follow_change (fixture.seats);
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  fixture_clear (&fixture);
}
END_TEST

/* First come, first served: with its connection, still claimed, by another word, and in the name of who
 * gets it; and WAIT is there while somebody waits. Who gave it away cannot claim it. */
START_TEST (test_queue_in_the_order_of_coming)
{
  enum { N = 4 };
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  Waiter waiters[N];
  atomic_uint n_served = 0;
  TlcSeat *seat;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  seat = home.seat;
  ck_assert (!is_wait_set (&fixture));
  for (guint i = 0; i < N; i++)
    waiter_start (&waiters[i], &fixture, &n_served, FOR_EVER_US);
  ck_assert (is_wait_set (&fixture));
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &home), TLC_CLAIM_NONE);
  tlc_seats_release (fixture.seats, &home);
  for (guint i = 0; i < N; i++)
    {
      waiter_must_end (&waiters[i], TLC_QUEUE_GRANTED);
      ck_assert_uint_eq (waiters[i].order, i + 1);
      ck_assert_ptr_eq (waiters[i].home.seat, seat);
    }
  ck_assert_int_eq (atomic_load (&seat->thread), waiters[N - 1].number);
  ck_assert (!is_wait_set (&fixture));
  ck_assert (!tlc_seat_claim_home (&home));
  ck_assert (!peer_is_closed (peer));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Given away, a seat is another claim: a keeper that has judged the old one leaves it alone, and so
 * does the thread that gave it. */
START_TEST (test_queue_a_gift_is_a_new_claim)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 }, given;
  guint64 word;
  guint n_open;
  int peer;

  fixture_init (&fixture);
  fixture_occupy (&fixture, &home, &peer);
  tlc_seat_bound (home.seat, 1);
  word = home.word;
  given = home;
  tlc_seat_hand_over (&given);
  ck_assert_uint_eq (TLC_SEAT_STATE (given.word), TLC_SEAT_CLAIMED);
  tlc_seat_shut_down (home.seat, word, G_MAXUINT64);
  ck_assert_int_eq (tlc_condemn_overdue (fixture.seats, "echo", G_MAXINT64 / 2, &n_open), G_MAXINT64);
  ck_assert (!peer_is_closed (peer)); /* the old claim's deadline is gone */
  ck_assert (!tlc_seat_claim_home (&home));
  tlc_seats_release (fixture.seats, &given);
  ck_assert_uint_eq (state_of (&given), TLC_SEAT_FREE);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Laws 2 and 3: whoever gives a connection away sends the waiter's request first, but not where the
 * configuration has changed since it was written, before or after its thread came to wait; nor over a
 * connection that has rested long. */
START_TEST (test_queue_sends_ahead)
{
  static const char *const whens[] = { "never", "before", "after", "long ago", "between" };
  const guint8 data[] = { 1, 2, 3, 4 };
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  TlcQueueRequest request = { data, sizeof data, 0, G_USEC_PER_SEC, 0 };
  atomic_uint n_served = 0;
  guint8 received[8];
  Waiter waiter;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  tlc_seat_date (home.seat, _i == 3 ? 1 : tlc_clock_now_us ());
  request.generation = TLC_SEATS_GENERATION (tlc_seats_look (fixture.seats));
  if (_i == 1)
    fixture_cap (&fixture, "1");
  waiter_start_with (&waiter, &fixture, &n_served, FOR_EVER_US, &request);
  if (_i == 2)
    fixture_cap (&fixture, "1");
  if (_i == 4)
    {
      /* The seat was made current, and then came the change: as if it had not been. */
      tlc_seats_refresh (fixture.seats, home.seat);
      fixture_cap (&fixture, "1");
      ck_assert (tlc_queue_serve (fixture.seats, &home));
    }
  else
    tlc_seats_release (fixture.seats, &home);
  waiter_must_end (&waiter, TLC_QUEUE_GRANTED);
  ck_assert_msg (request.sent == (_i == 0 ? sizeof data : 0), "%s: %" G_GSIZE_FORMAT, whens[_i],
                 request.sent);
  ck_assert_int_eq (recv (peer, received, sizeof received, MSG_DONTWAIT),
                    _i == 0 ? (gssize) sizeof data : -1);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Law 5: who has waited until its deadline is gone, the others move up, and the last takes WAIT
 * along. */
START_TEST (test_queue_gives_up_in_time)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  Waiter early, late;
  atomic_uint n_served = 0;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  waiter_start (&early, &fixture, &n_served, SOON_US);
  waiter_start (&late, &fixture, &n_served, FOR_EVER_US);
  waiter_must_end (&early, TLC_QUEUE_TIMED_OUT);
  ck_assert_uint_eq (count_waiting (&fixture), 1);
  ck_assert (is_wait_set (&fixture));
  tlc_seats_release (fixture.seats, &home);
  waiter_must_end (&late, TLC_QUEUE_GRANTED);
  ck_assert (tlc_seats_claim_any (fixture.seats, &home) == TLC_CLAIM_STOLEN);
  waiter_start (&early, &fixture, &n_served, SOON_US);
  waiter_must_end (&early, TLC_QUEUE_TIMED_OUT);
  ck_assert (!is_wait_set (&fixture));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* What is left before WAIT is seen goes to the waiter that searches. */
START_TEST (test_queue_searches_once_more)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_settle (&fixture, &home, &peer);
  ck_assert_int_eq (
      tlc_queue_wait (fixture.seats, &home, NULL, 0, 1, tlc_clock_now_us () + FOR_EVER_US),
      TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_CLAIMED);
  ck_assert (!is_wait_set (&fixture));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* What is offered and nobody takes is as it was: what had no thread is there to be adopted. */
START_TEST (test_queue_offers_in_vain)
{
  Fixture fixture;
  TlcHome spare = { NULL, 0 }, other = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  ck_assert (tlc_seats_offer (fixture.seats));
  fixture_occupy (&fixture, &spare, &peer);
  ck_assert (!tlc_seats_offer (fixture.seats));
  tlc_seats_donate (fixture.seats, &spare, 1);
  ck_assert (tlc_seats_offer (fixture.seats));
  ck_assert_uint_eq (fixture.seats->n_spare, 1);
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_ADOPTED);
  ck_assert (!peer_is_closed (peer));
  tlc_seats_release (fixture.seats, &other);
  ck_assert (tlc_seats_offer (fixture.seats));
  ck_assert_uint_eq (state_of (&other), TLC_SEAT_SPARE); /* its thread does not find it any more */
  ck_assert_uint_eq (fixture.seats->n_spare, 1);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Who waits gets what an exit has left SPARE, too, which is counted as such no more. */
START_TEST (test_queue_searches_among_the_spare)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  tlc_seats_donate (fixture.seats, &home, 1);
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_SPARE);
  ck_assert_int_eq (
      tlc_queue_wait (fixture.seats, &home, NULL, 0, 1, tlc_clock_now_us () + FOR_EVER_US / 4),
      TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  ck_assert (!peer_is_closed (peer));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* What an exit leaves while somebody waits is his, and SPARE at no time. */
START_TEST (test_queue_gets_what_an_exit_leaves)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  Waiter waiter;
  atomic_uint n_served = 0;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  waiter_start (&waiter, &fixture, &n_served, FOR_EVER_US);
  tlc_seats_donate (fixture.seats, &home, 1);
  waiter_must_end (&waiter, TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (fixture.seats->n_spare, 0);
  ck_assert (!peer_is_closed (peer));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Who comes while others wait takes nothing, though there be a seat: not for a call, and not for a
 * connection in advance. */
START_TEST (test_queue_is_not_overtaken)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 }, other = { NULL, 0 };
  Waiter waiter;
  atomic_uint n_served = 0;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  waiter_start (&waiter, &fixture, &n_served, FOR_EVER_US);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "max-connections", "2",
                                               NULL));
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_NONE);
  ck_assert (!tlc_seats_claim_vacant (fixture.seats, &other));
  tlc_seats_follow_change (fixture.seats);
  waiter_must_end (&waiter, TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (waiter.home.seat->index, 1);
  ck_assert (tlc_seats_claim_vacant (fixture.seats, &other));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* A cap that rises by two serves two, though neither gives back what it got. */
START_TEST (test_queue_the_cap_rises_for_all)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  Waiter waiters[3];
  atomic_uint n_served = 0;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  for (guint i = 0; i < 3; i++)
    {
      waiters[i] = (Waiter){ .fixture = &fixture, .timeout_us = FOR_EVER_US / 4, .max_waiting = 100,
                             .keeps = TRUE, .n_served = &n_served };
      waiter_begin (&waiters[i]);
    }
  fixture_cap (&fixture, "3");
  for (guint i = 0; i < 2; i++)
    waiter_must_end (&waiters[i], TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (count_waiting (&fixture), 1);
  tlc_seats_release (fixture.seats, &home);
  waiter_must_end (&waiters[2], TLC_QUEUE_GRANTED);
  ck_assert_ptr_eq (waiters[2].home.seat, home.seat);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* Where the cap is gone nobody steals: what is FREE, and may be nobody's home, is there to be adopted. */
START_TEST (test_queue_the_cap_goes)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 }, other = { NULL, 0 };
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_settle (&fixture, &home, &peer);
  fixture_cap (&fixture, "unlimited");
  ck_assert_uint_eq (state_of (&home), TLC_SEAT_SPARE);
  ck_assert_uint_eq (fixture.seats->n_spare, 1);
  ck_assert_int_eq (tlc_seats_claim_any (fixture.seats, &other), TLC_CLAIM_ADOPTED);
  ck_assert (!peer_is_closed (peer));
  tlc_seats_release (fixture.seats, &other);
  fixture_cap (&fixture, "unlimited"); /* once only: after that, who has a home keeps it */
  ck_assert (tlc_seat_claim_home (&other));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

START_TEST (test_queue_is_full_or_closed)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 }, other = { NULL, 0 };
  Waiter waiters[2];
  atomic_uint n_served = 0;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  for (guint i = 0; i < 2; i++)
    waiter_start (&waiters[i], &fixture, &n_served, FOR_EVER_US);
  ck_assert_int_eq (tlc_queue_wait (fixture.seats, &other, NULL, 0, 2, G_MAXINT64), TLC_QUEUE_FULL);
  fixture_close (&fixture);
  tlc_queue_close (fixture.seats);
  for (guint i = 0; i < 2; i++)
    waiter_must_end (&waiters[i], TLC_QUEUE_CLOSED);
  ck_assert (!is_wait_set (&fixture));
  /* Who comes later sees for himself. */
  ck_assert_int_eq (tlc_queue_wait (fixture.seats, &other, NULL, 0, 2, G_MAXINT64), TLC_QUEUE_CLOSED);
  ck_assert (!is_wait_set (&fixture));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

/* A cap that rises serves those who wait; one that falls takes seats out of use: what is free there
 * is closed, what is claimed is at its release, and goes to nobody. */
START_TEST (test_queue_the_cap_moves)
{
  Fixture fixture;
  TlcHome homes[2] = { { NULL, 0 } };
  Waiter waiters[2];
  atomic_uint n_served = 0;
  int peers[2], free_peer;
  TlcHome free = { NULL, 0 };

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &homes[0], &peers[0]);
  waiter_start (&waiters[0], &fixture, &n_served, FOR_EVER_US);
  fixture_cap (&fixture, "3");
  waiter_must_end (&waiters[0], TLC_QUEUE_GRANTED);
  ck_assert_uint_ge (waiters[0].home.seat->index, 1);

  fixture_occupy (&fixture, &homes[1], &peers[1]);
  fixture_settle (&fixture, &free, &free_peer);
  fixture_cap (&fixture, "1");
  ck_assert (peer_is_closed (free_peer));
  ck_assert (!peer_is_closed (peers[1]));
  waiter_start (&waiters[1], &fixture, &n_served, FOR_EVER_US);
  tlc_seats_release (fixture.seats, &homes[1]);
  ck_assert (peer_is_closed (peers[1]));
  ck_assert_uint_eq (count_waiting (&fixture), 1);
  tlc_seats_release (fixture.seats, &homes[0]);
  waiter_must_end (&waiters[1], TLC_QUEUE_GRANTED);
  ck_assert_uint_eq (waiters[1].home.seat->index, 0);
  ck_assert (!peer_is_closed (peers[0]));
  close (free_peer);
  for (guint i = 0; i < 2; i++)
    close (peers[i]);
  fixture_clear (&fixture);
}
END_TEST

/* Law 6: a hold past its limit is ended by the keeper, and its seat serves who waits. */
START_TEST (test_queue_a_hold_too_long)
{
  Fixture fixture;
  TlcHome home = { NULL, 0 };
  Waiter waiter;
  atomic_uint n_served = 0;
  guint n_open;
  int peer;

  fixture_init (&fixture);
  fixture_cap (&fixture, "1");
  fixture_occupy (&fixture, &home, &peer);
  tlc_seat_bound (home.seat, 1000);
  tlc_seats_release_as (fixture.seats, &home, TLC_SEAT_HELD);
  waiter_start (&waiter, &fixture, &n_served, FOR_EVER_US);
  ck_assert_int_eq (tlc_condemn_overdue (fixture.seats, "echo", 1000, &n_open),
                    1000 + TLC_CONDEMN_GRACE_US);
  ck_assert (!peer_is_closed (peer));
  tlc_condemn_overdue (fixture.seats, "echo", 1000 + TLC_CONDEMN_GRACE_US, &n_open);
  waiter_must_end (&waiter, TLC_QUEUE_GRANTED);
  ck_assert (peer_is_closed (peer));
  ck_assert (!tlc_seat_claim_home (&home));
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("queue");
  TCase *tests = tcase_create ("queue");

  tcase_add_test (tests, test_queue_what_is_claimed_first);
  tcase_add_test (tests, test_queue_ones_own_first);
  tcase_add_test (tests, test_queue_not_spare_after_all);
  tcase_add_test (tests, test_queue_donates_so_many);
  tcase_add_test (tests, test_queue_in_the_order_of_coming);
  tcase_add_test (tests, test_queue_a_gift_is_a_new_claim);
  tcase_add_loop_test (tests, test_queue_sends_ahead, 0, 5);
  tcase_add_test (tests, test_queue_gives_up_in_time);
  tcase_add_test (tests, test_queue_searches_once_more);
  tcase_add_test (tests, test_queue_offers_in_vain);
  tcase_add_test (tests, test_queue_searches_among_the_spare);
  tcase_add_test (tests, test_queue_gets_what_an_exit_leaves);
  tcase_add_test (tests, test_queue_is_not_overtaken);
  tcase_add_test (tests, test_queue_the_cap_rises_for_all);
  tcase_add_test (tests, test_queue_the_cap_goes);
  tcase_add_test (tests, test_queue_is_full_or_closed);
  tcase_add_test (tests, test_queue_the_cap_moves);
  tcase_add_test (tests, test_queue_a_hold_too_long);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
