/* SPDX-License-Identifier: Apache-2.0 */

/* Passes when in N meetings of a thread that leaves a seat with one that raises the generation,
 * they never missed each other: the one found the generation raised, or the other found the seat
 * left (law 6: else a connection to an endpoint that was taken out stays open). A store and a load
 * of another place, on both sides: processors reorder them where nothing forbids it.
 *
 * stress-leave [N, 2000000 by default] */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "support/tlc-meeting.h"
#include "support/tlc-seats-fixture.h"

static guint64 n_meetings = 2000000;

static struct {
  Fixture fixture;
  TlcHome home;                    /* the leaver; claimed again by whoever is alone */
  _Atomic guint64 round, answered; /* the raiser begins a round, the leaver ends it */
  _Alignas (TLC_CACHE_LINE) guint64 seen; /* the leaver's, before it answers */
} meeting;

static void *
leaver_main (void *data)
{
  TlcSeats *seats = meeting.fixture.seats;

  for (guint64 round = 1; round <= n_meetings; round++)
    {
      wait_for (&meeting.round, round);
      dawdle (round * 7 % 5);
      tlc_seat_leave (&meeting.home, TLC_SEAT_FREE);
      meeting.seen = tlc_seats_look (seats);
      atomic_store_explicit (&meeting.answered, round, memory_order_release);
    }
  return NULL;
}

/* Whether they missed each other. */
static gboolean
meet (guint64 round)
{
  TlcSeats *seats = meeting.fixture.seats;
  guint64 before = tlc_seats_look (seats), word;

  ck_assert (tlc_seat_claim_home (&meeting.home));
  atomic_store_explicit (&meeting.round, round, memory_order_release);
  dawdle (round * 5 % 9);
  /* As tlc_seats_publish_unlocked() raises it, and tlc_seats_clean() looks at the seat. */
  atomic_fetch_add_explicit (&seats->attention, 2, memory_order_seq_cst);
  word = atomic_load_explicit (&meeting.home.seat->word, memory_order_seq_cst);
  wait_for (&meeting.answered, round);
  return meeting.seen == before && TLC_SEAT_STATE (word) == TLC_SEAT_CLAIMED;
}

START_TEST (stress_leave)
{
  guint64 n_missed = 0;
  pthread_t leaver;

  fixture_init (&meeting.fixture);
  ck_assert (seats_claim (meeting.fixture.seats, &meeting.home));
  tlc_seat_leave (&meeting.home, TLC_SEAT_FREE);
  ck_assert_int_eq (pthread_create (&leaver, NULL, leaver_main, NULL), 0);
  for (guint64 round = 1; round <= n_meetings; round++)
    n_missed += meet (round) ? 1 : 0;
  pthread_join (leaver, NULL);
  printf ("# %" G_GUINT64_FORMAT " meetings, missed each other: %" G_GUINT64_FORMAT "\n", n_meetings,
          n_missed);
  ck_assert_uint_eq (n_missed, 0);
  fixture_clear (&meeting.fixture);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("stress-leave");
  TCase *tests = tcase_create ("stress-leave");

  if (argc > 1)
    n_meetings = g_ascii_strtoull (argv[1], NULL, 10);
  tcase_set_timeout (tests, 3600);
  tcase_add_test (tests, stress_leave);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
