/* SPDX-License-Identifier: Apache-2.0 */

/* What is learnt of how long a peer lets connections idle. */
#include "connect/tlc-idle.h"
#include "support/tlc-seats-fixture.h"

#define SECOND 1000000

static TlcEndpoint *
new_endpoint (void)
{
  g_autoptr (GError) error = NULL;
  TlcAddress *address = tlc_address_parse ("unix:@idle", &error);

  ck_assert_ptr_nonnull (address);
  return tlc_endpoint_new (address);
}

static const struct {
  gint64 closed_us[3]; /* in order; 0: no more */
  gint64 limit_us;
} lessons[] = {
  { { 0 }, 0 },
  { { 30 * SECOND }, 0 },                                     /* a restart looks like that */
  { { 30 * SECOND, 30 * SECOND }, 30 * SECOND },
  { { 31 * SECOND, 30 * SECOND }, 30 * SECOND },              /* the shorter is the safer */
  { { 30 * SECOND, 10 * SECOND }, 0 },                        /* two restarts */
  { { 30 * SECOND, 10 * SECOND, 10 * SECOND }, 10 * SECOND },
  { { 30 * SECOND, 30 * SECOND, 10 * SECOND }, 30 * SECOND }, /* one does not unmake it */
  { { 1000, 1000, 1000 }, 0 },                                /* that is not idle */
};

/* Two closes in a row that agree make a limit; one is a restart. */
START_TEST (test_idle_limit_is_learnt)
{
  TlcEndpoint *endpoint = new_endpoint ();

  for (guint i = 0; i < 3 && lessons[_i].closed_us[i] != 0; i++)
    tlc_endpoint_note_closed_idle (endpoint, lessons[_i].closed_us[i]);
  ck_assert_int_eq (tlc_endpoint_get_idle_limit (endpoint), lessons[_i].limit_us);
  tlc_endpoint_unref (endpoint);
}
END_TEST

/* A connection that is found open well beyond the limit unmakes it; one a little beyond does not. */
START_TEST (test_idle_limit_is_unlearnt)
{
  TlcEndpoint *endpoint = new_endpoint ();

  tlc_endpoint_note_closed_idle (endpoint, 30 * SECOND);
  tlc_endpoint_note_closed_idle (endpoint, 30 * SECOND);
  tlc_endpoint_note_open_idle (endpoint, 29 * SECOND);
  tlc_endpoint_note_open_idle (endpoint, 31 * SECOND);
  ck_assert_int_eq (tlc_endpoint_get_idle_limit (endpoint), 30 * SECOND);
  tlc_endpoint_note_open_idle (endpoint, 40 * SECOND);
  ck_assert_int_eq (tlc_endpoint_get_idle_limit (endpoint), 0);
  tlc_endpoint_note_closed_idle (endpoint, 30 * SECOND);
  ck_assert_int_eq (tlc_endpoint_get_idle_limit (endpoint), 0);
  tlc_endpoint_unref (endpoint);
}
END_TEST

/* Connections are looked at after check-after-idle, or shortly before the limit where that is earlier. */
START_TEST (test_idle_limit_says_when_to_look)
{
  TlcEndpoint *endpoint = new_endpoint ();

  ck_assert_int_eq (tlc_idle_get_look_after (NULL, 5 * SECOND), 5 * SECOND);
  ck_assert_int_eq (tlc_idle_get_look_after (endpoint, 5 * SECOND), 5 * SECOND);
  tlc_endpoint_note_closed_idle (endpoint, 2 * SECOND);
  tlc_endpoint_note_closed_idle (endpoint, 2 * SECOND);
  ck_assert_int_eq (tlc_idle_get_look_after (endpoint, 5 * SECOND), 2 * SECOND - 2 * SECOND / 10);
  ck_assert_int_eq (tlc_idle_get_look_after (endpoint, SECOND), SECOND);
  tlc_endpoint_unref (endpoint);
}
END_TEST

/* A look tells a connection in order from one that its peer has closed, spoke on, or will soon close. */
START_TEST (test_idle_limit_look)
{
  Fixture fixture;
  TlcConnection *connection;
  int peer;

  fixture_init (&fixture);
  connection = fixture_connection (&fixture, &peer);
  ck_assert_int_eq (tlc_idle_look (connection, 5 * SECOND), TLC_IDLE_GOOD);
  ck_assert_int_eq (send (peer, "x", 1, 0), 1);
  ck_assert_int_eq (tlc_idle_look (connection, 5 * SECOND), TLC_IDLE_SPOKE);
  tlc_connection_close (connection);
  close (peer);
  for (guint i = 0; i < 2; i++)
    {
      connection = fixture_connection (&fixture, &peer);
      close (peer);
      ck_assert_int_eq (tlc_idle_look (connection, 5 * SECOND), TLC_IDLE_CLOSED);
      tlc_connection_close (connection);
    }
  connection = fixture_connection (&fixture, &peer);
  ck_assert_int_eq (tlc_idle_look (connection, 4 * SECOND), TLC_IDLE_GOOD);
  ck_assert_int_eq (tlc_idle_look (connection, 5 * SECOND - SECOND / 4), TLC_IDLE_OLD);
  ck_assert_int_eq (tlc_idle_look (connection, 10 * SECOND), TLC_IDLE_GOOD); /* it was no limit */
  ck_assert_int_eq (tlc_idle_look (connection, 5 * SECOND), TLC_IDLE_GOOD);
  tlc_connection_close (connection);
  close (peer);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("idle-limit");
  TCase *tests = tcase_create ("idle-limit");

  tcase_add_loop_test (tests, test_idle_limit_is_learnt, 0, G_N_ELEMENTS (lessons));
  tcase_add_test (tests, test_idle_limit_is_unlearnt);
  tcase_add_test (tests, test_idle_limit_says_when_to_look);
  tcase_add_test (tests, test_idle_limit_look);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
