/* SPDX-License-Identifier: Apache-2.0 */

/* The root: what readers find after a change, and which records outlive it. No name is resolved
 * here: answers are made by hand. */
#include "model/tlc-branch.h"

#include <string.h>

#include "model/tlc-error-private.h"
#include "support/tlc-root-fixture.h"

/* --- answers by hand --- */

/* The address that @text begins with, as the answer to whatever was asked: "ADDRESS (name)". */
static TlcAnswer *
answer_by (const char *text)
{
  g_autofree char *item = g_strndup (text, strcspn (text, " "));
  g_autoptr (GError) error = NULL;
  TlcAddress *address = tlc_address_parse (item, &error);
  GPtrArray *addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);

  if (address == NULL)
    ck_abort_msg ("%s", error->message);
  g_free (address->text);
  address->text = g_strdup (text);
  g_ptr_array_add (addresses, address);
  return tlc_answer_new (addresses, NULL);
}

static TlcAnswer *
answer_by_error (void)
{
  GError *error = NULL;

  tlc_error_set (&error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "nobody knows that name");
  return tlc_answer_new (NULL, error);
}

/* One answer for each text, up to NULL; "" is an error. */
static GPtrArray *
answers_by (const char *const *texts)
{
  GPtrArray *answers = tlc_answers_new ();

  for (; *texts != NULL; texts++)
    g_ptr_array_add (answers, **texts != '\0' ? answer_by (*texts) : answer_by_error ());
  return answers;
}

#define ANSWERS(...) answers_by ((const char *const[]){ __VA_ARGS__, NULL })

/* A root of @endpoints, which have @answers, taken over. */
static TlcBranch *
root_by (const char *endpoints, GPtrArray *answers)
{
  g_autoptr (GError) error = NULL;
  TlcBranch *branch = tlc_branch_new_alone (tlc_room_settings (endpoints, NULL), answers, &error);

  if (branch == NULL)
    ck_abort_msg ("%s", error->message);
  return branch;
}

/* The record in force at that place; the snapshot keeps it. */
static TlcEndpoint *
endpoint_at (TlcBranch *branch, guint index)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (branch);

  ck_assert_uint_lt (index, current->endpoints->len);
  return current->endpoints->pdata[index];
}

static gboolean
knows (TlcBranch *branch, const TlcEndpoint *endpoint)
{
  g_autofree char *text = tlc_branch_describe_endpoint (branch, endpoint);

  return text != NULL;
}

/* --- readers and writers --- */

/* Law 2: what one writer puts in force is what readers see next; who has read keeps what he has. */
START_TEST (test_root_change_is_seen_next)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@generation-1", NULL));

  for (guint generation = 2; generation <= 100; generation++)
    {
      g_autofree char *text = g_strdup_printf ("unix:@generation-%u", generation);
      g_autoptr (TlcSnapshot) before = tlc_branch_read (branch);
      g_autofree char *text_before = g_strdup (tlc_endpoint_get_text (endpoint_at (branch, 0)));
      g_autoptr (TlcSnapshot) after = NULL;

      change (branch, text);
      after = tlc_branch_read (branch);
      ck_assert_uint_eq (after->generation, generation);
      ck_assert_uint_eq (after->endpoints->len, 1);
      ck_assert_str_eq (tlc_endpoint_get_text (after->endpoints->pdata[0]), text);
      ck_assert_str_eq (((TlcAddress *) after->settings->addresses->pdata[0])->text, text);
      tlc_root_reclaim (branch->root);
      ck_assert_uint_eq (before->generation, generation - 1);
      ck_assert_str_eq (tlc_endpoint_get_text (before->endpoints->pdata[0]), text_before);
    }
}
END_TEST

/* A closed snapshot is the next generation, has no endpoints, and keeps the settings of the last
 * one that was not, when that one is gone too. */
START_TEST (test_root_closed_keeps_the_settings)
{
  TlcBranch *branch = tlc_room_branch (tlc_room_settings ("unix:@last", "call-timeout", "7ms", NULL));
  g_autoptr (TlcSnapshot) closed = NULL;

  tlc_root_lock ();
  tlc_branch_publish_unlocked (branch, tlc_snapshot_new_closed (tlc_branch_peek_unlocked (branch)));
  tlc_root_unlock ();
  tlc_root_reclaim (branch->root);
  closed = tlc_branch_read (branch);
  tlc_branch_drop (branch);
  ck_assert (closed->closed);
  ck_assert_uint_eq (closed->generation, 2);
  ck_assert_uint_eq (closed->endpoints->len, 0);
  ck_assert_int_eq (closed->settings->call_timeout_us, 7000);
  ck_assert_str_eq (((TlcAddress *) closed->settings->addresses->pdata[0])->text, "unix:@last");
}
END_TEST

/* Law 8: a key that cannot change while a service runs is refused by its name; others are not. */
START_TEST (test_root_some_settings_cannot_change)
{
  g_autoptr (TlcSettings) before = tlc_room_settings ("unix:@one", "call-timeout", "1s", NULL);
  g_autoptr (TlcSettings) after = tlc_room_settings ("unix:@two", "call-timeout", "2s", NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (tlc_settings_check_change (before, after, "echo", &error));
  ck_assert_ptr_null (error);
  after->transport = (TlcTransportKind) (before->transport + 1);
  ck_assert (!tlc_settings_check_change (before, after, "echo", &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_ptr_nonnull (strstr (error->message, "service echo: transport = "));
  ck_assert_ptr_nonnull (strstr (error->message, "leave it at framed"));
}
END_TEST

/* --- endpoints --- */

/* An address that stays keeps its record, whatever stands before and after it. */
START_TEST (test_root_endpoint_that_stays_is_the_same)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@a, unix:@b", NULL));
  TlcEndpoint *a = endpoint_at (branch, 0), *b = endpoint_at (branch, 1);

  ck_assert_ptr_ne (a, b);
  for (guint i = 0; i < 100; i++)
    {
      change (branch, i % 2 == 0 ? "unix:@c, unix:@b, unix:@a" : "unix:@a, unix:@b");
      ck_assert_ptr_eq (endpoint_at (branch, i % 2 == 0 ? 2 : 0), a);
      ck_assert_ptr_eq (endpoint_at (branch, 1), b);
      tlc_root_reclaim (branch->root);
    }
}
END_TEST

/* A record that a connection still refers to is found again when its address comes back. */
START_TEST (test_root_endpoint_in_use_is_the_same_when_it_returns)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@a", NULL));
  TlcEndpoint *in_use = tlc_endpoint_ref (endpoint_at (branch, 0));

  for (guint i = 0; i < 10; i++)
    {
      change (branch, "unix:@b");
      tlc_root_reclaim (branch->root);
    }
  ck_assert (knows (branch, in_use));
  change (branch, "unix:@b, unix:@a");
  ck_assert_ptr_eq (endpoint_at (branch, 1), in_use);
  tlc_endpoint_unref (in_use);
}
END_TEST

/* Law 7: a record that nobody refers to any more goes with the reclaim, and not before. */
START_TEST (test_root_forgets_endpoints_that_nobody_uses)
{
  g_autoptr (TlcBranch) branch = tlc_room_branch (tlc_room_settings ("unix:@a, unix:@b", NULL));
  TlcEndpoint *retired = endpoint_at (branch, 0), *stays = endpoint_at (branch, 1);
  TlcEndpoint *in_use = tlc_endpoint_ref (retired);
  g_autofree char *text = NULL;

  change (branch, "unix:@b");
  tlc_root_reclaim (branch->root);
  text = tlc_branch_describe_endpoint (branch, retired);
  ck_assert_str_eq (text, "unix:@a");
  tlc_endpoint_unref (in_use);
  ck_assert (knows (branch, retired));
  tlc_root_reclaim (branch->root);
  ck_assert (!knows (branch, retired));
  ck_assert (knows (branch, stays));
}
END_TEST

/* One socket address is one endpoint, at its first place, however many names stand for it; and
 * later on too. */
START_TEST (test_root_one_endpoint_for_each_address)
{
  g_autoptr (TlcBranch) branch
      = root_by ("tcp://one.test:1, tcp://127.0.0.2:1, tcp://127.0.0.1:1, tcp://two.test:1",
                 ANSWERS ("tcp://127.0.0.1:1 (one.test)", "tcp://127.0.0.2:1", "tcp://127.0.0.1:1",
                          "tcp://127.0.0.2:1 (two.test)"));
  g_autoptr (TlcSnapshot) first = tlc_branch_read (branch);
  const TlcEndpoint *one = first->endpoints->pdata[0];

  ck_assert_uint_eq (first->endpoints->len, 2);
  ck_assert_str_eq (tlc_endpoint_get_text (one), "tcp://127.0.0.1:1 (one.test)");
  ck_assert_str_eq (tlc_endpoint_get_text (first->endpoints->pdata[1]), "tcp://127.0.0.2:1");
  change_by (branch, "tcp://127.0.0.1:2, tcp://three.test:1",
             ANSWERS ("tcp://127.0.0.1:2", "tcp://127.0.0.1:1 (three.test)"));
  ck_assert_ptr_ne (endpoint_at (branch, 0), one);
  ck_assert_ptr_eq (endpoint_at (branch, 1), one);
}
END_TEST

/* --- names without an answer --- */

/* A name that has no answer keeps the one it had, generation after generation; the others get
 * theirs. */
START_TEST (test_root_keeps_the_last_good_answer)
{
  static const char endpoints[] = "tcp://one.test:1, tcp://two.test:1";
  g_autoptr (TlcBranch) branch
      = root_by (endpoints, ANSWERS ("tcp://127.0.0.1:1", "tcp://127.0.0.2:1"));
  TlcEndpoint *first = endpoint_at (branch, 0);

  for (guint i = 0; i < 3; i++)
    {
      change_by (branch, endpoints, ANSWERS ("", "tcp://127.0.0.3:1"));
      tlc_root_reclaim (branch->root);
      ck_assert_ptr_eq (endpoint_at (branch, 0), first);
      ck_assert_str_eq (tlc_endpoint_get_text (endpoint_at (branch, 1)), "tcp://127.0.0.3:1");
    }
  /* In another place, and beside others. */
  change_by (branch, "tcp://two.test:1, unix:@x, tcp://one.test:1", ANSWERS ("", "unix:@x", ""));
  ck_assert_str_eq (tlc_endpoint_get_text (endpoint_at (branch, 0)), "tcp://127.0.0.3:1");
  ck_assert_ptr_eq (endpoint_at (branch, 2), first);
  change_by (branch, endpoints, ANSWERS ("tcp://127.0.0.4:1", "tcp://127.0.0.5:1"));
  ck_assert_str_eq (tlc_endpoint_get_text (endpoint_at (branch, 0)), "tcp://127.0.0.4:1");
}
END_TEST

static void
assert_refused (TlcBranch *branch, const char *endpoints, GPtrArray *answers)
{
  g_autoptr (TlcSnapshot) before = tlc_branch_read (branch);
  g_autoptr (TlcSnapshot) after = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (!try_change_by (branch, endpoints, answers, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE));
  ck_assert_str_eq (error->message, "nobody knows that name");
  after = tlc_branch_read (branch);
  ck_assert_ptr_eq (after, before);
}

/* Law 8: a name that had no answer in what is in force is an error, and nothing has changed. */
START_TEST (test_root_name_that_never_had_an_answer)
{
  g_autoptr (GError) error = NULL;
  TlcSettings *settings = tlc_room_settings ("tcp://one.test:1", NULL);
  g_autoptr (TlcBranch) branch = NULL;

  ck_assert_ptr_null (tlc_branch_new_alone (settings, ANSWERS (""), &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE));
  branch = root_by ("tcp://one.test:1", ANSWERS ("tcp://127.0.0.1:1"));
  assert_refused (branch, "unix:@new, tcp://two.test:1", ANSWERS ("unix:@new", ""));
  assert_refused (branch, "tcp://one.test:2", ANSWERS (""));
  change (branch, "unix:@b");
  assert_refused (branch, "tcp://one.test:1", ANSWERS (""));
  ck_assert_str_eq (tlc_endpoint_get_text (endpoint_at (branch, 0)), "unix:@b");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("root");
  TCase *tests = tcase_create ("root");

  tcase_add_test (tests, test_root_change_is_seen_next);
  tcase_add_test (tests, test_root_closed_keeps_the_settings);
  tcase_add_test (tests, test_root_some_settings_cannot_change);
  tcase_add_test (tests, test_root_endpoint_that_stays_is_the_same);
  tcase_add_test (tests, test_root_endpoint_in_use_is_the_same_when_it_returns);
  tcase_add_test (tests, test_root_forgets_endpoints_that_nobody_uses);
  tcase_add_test (tests, test_root_one_endpoint_for_each_address);
  tcase_add_test (tests, test_root_keeps_the_last_good_answer);
  tcase_add_test (tests, test_root_name_that_never_had_an_answer);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
