/* SPDX-License-Identifier: Apache-2.0 */

/* Connections opened in advance, on seats without a service: by which configuration. */
#include <sys/un.h>

#include "connect/tlc-top-up.h"
#include "model/tlc-clock.h"
#include "support/tlc-seats-fixture.h"

static guint64
count_attempts (TlcLedger *ledger)
{
  TlcStats stats = { 0 };

  tlc_ledger_sum (ledger, &stats);
  return stats.connects + stats.connect_failures;
}

/* Law 2: the keeper comes with a configuration that was replaced after he had read it. He opens nothing
 * by it, since a drain may be over by then, and leaves the seat as he found it; but by the one that is in
 * force. */
START_TEST (test_top_up_by_what_was_replaced)
{
  g_autoptr (TlcSnapshot) current = NULL;
  TlcHome home = { NULL, 0 };
  TlcLedger ledger = { 0 };
  TlcTopUp top_up;
  TlcTopUpNext next;
  Fixture fixture;

  fixture_init_by (&fixture, tlc_room_settings ("unix:@nobody-listens-here", "min-connections", "1",
                                                "max-connections", "1", NULL));
  tlc_ledger_init (&ledger);
  tlc_top_up_init (&top_up, &fixture.balance, &ledger);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-there", "min-connections", "1",
                                               "max-connections", "1", NULL));

  next = tlc_top_up_step (&top_up, fixture.held);
  ck_assert_uint_eq (count_attempts (&ledger), 0);
  ck_assert_int_eq (next.fd, -1);
  ck_assert_int_eq (next.due_us, top_up.look_at_us);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seats_release (fixture.seats, &home);

  current = tlc_branch_read (fixture.branch);
  tlc_top_up_step (&top_up, current);
  ck_assert_uint_eq (count_attempts (&ledger), 1);
  ck_assert_uint_eq (tlc_endpoint_count_connections (current->endpoints->pdata[0]), 0);
  tlc_ledger_clear (&ledger);
  fixture_clear (&fixture);
}
END_TEST

/* Steps until there are so many attempts, and none is under way. */
static void
step_to (TlcTopUp *top_up, const TlcSnapshot *current, guint64 n_attempts)
{
  for (guint i = 0; i < 10000; i++)
    {
      TlcTopUpNext next = tlc_top_up_step (top_up, current);

      if (next.fd < 0 && count_attempts (top_up->ledger) >= n_attempts)
        break;
      g_usleep (1000);
    }
  ck_assert_uint_eq (count_attempts (top_up->ledger), n_attempts);
}

/* Law 5: who accepts and closes at once has failed: the pause grows, and ends when what was opened has
 * been seen to last. */
START_TEST (test_top_up_what_dies_young)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
  socklen_t length = sizeof address.sun_family;
  g_autofree char *endpoint = NULL;
  TlcLedger ledger = { 0 };
  TlcTopUp top_up;
  Fixture fixture;

  ck_assert_int_eq (bind (listener, (struct sockaddr *) &address, length), 0); /* to a name of its choice */
  ck_assert_int_eq (listen (listener, 4), 0);
  length = sizeof address;
  ck_assert_int_eq (getsockname (listener, (struct sockaddr *) &address, &length), 0);
  endpoint = g_strdup_printf ("unix:@%.*s", (int) (length - sizeof address.sun_family - 1),
                              address.sun_path + 1);
  fixture_init_by (&fixture, tlc_room_settings (endpoint, "min-connections", "1", NULL));
  tlc_ledger_init (&ledger);
  tlc_top_up_init (&top_up, &fixture.balance, &ledger);
  for (guint n = 1; n <= 4; n++)
    {
      gint64 now_us = tlc_clock_now_us ();

      step_to (&top_up, fixture.held, n);
      peer = accept (listener, NULL, NULL);
      ck_assert_int_ge (peer, 0);
      close (peer);
      top_up.look_at_us = 0;
      tlc_top_up_step (&top_up, fixture.held);
      ck_assert_uint_eq (count_attempts (&ledger), n);
      ck_assert_uint_eq (top_up.n_pauses, n);
      ck_assert_int_ge (top_up.pause_until_us, now_us + (50000 << n));
      top_up.pause_until_us = 0;
    }
  step_to (&top_up, fixture.held, 5);
  top_up.look_at_us = 0;
  tlc_top_up_step (&top_up, fixture.held);
  ck_assert_uint_eq (top_up.n_pauses, 4); /* it is too young to tell */
  for (guint i = 0; i < 10000 && top_up.n_pauses > 0; i++)
    {
      g_usleep (1000);
      top_up.look_at_us = 0;
      tlc_top_up_step (&top_up, fixture.held);
    }
  ck_assert_uint_eq (top_up.n_pauses, 0);
  ck_assert_uint_eq (count_attempts (&ledger), 5);
  tlc_ledger_clear (&ledger);
  fixture_clear (&fixture);
  close (listener);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("top-up");
  TCase *tests = tcase_create ("top-up");

  tcase_add_test (tests, test_top_up_by_what_was_replaced);
  tcase_add_test (tests, test_top_up_what_dies_young);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
