/* SPDX-License-Identifier: Apache-2.0 */

/* Connections opened in advance, on seats without a service: by which configuration. */
#include "connect/tlc-top-up.h"
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
  tlc_top_up_init (&top_up, fixture.seats, &ledger);
  fixture_change (&fixture, tlc_room_settings ("unix:@nobody-listens-there", "min-connections", "1",
                                               "max-connections", "1", NULL));

  next = tlc_top_up_step (&top_up, fixture.held);
  ck_assert_uint_eq (count_attempts (&ledger), 0);
  ck_assert_int_eq (next.fd, -1);
  ck_assert_int_eq (next.due_us, G_MAXINT64);
  ck_assert (seats_claim (fixture.seats, &home));
  tlc_seats_release (fixture.seats, &home);

  current = tlc_root_read (fixture.root);
  tlc_top_up_step (&top_up, current);
  ck_assert_uint_eq (count_attempts (&ledger), 1);
  tlc_ledger_clear (&ledger);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("top-up");
  TCase *tests = tcase_create ("top-up");

  tcase_add_test (tests, test_top_up_by_what_was_replaced);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
