/* SPDX-License-Identifier: Apache-2.0 */

/* Reloads that overtake one another, and what is left of one that is refused: the room beneath the registry. */
#include "control/tlc-reload.h"

#include <string.h>

#include "support/tlc-check.h"

typedef struct {
  TlcCatalog *catalog;
} Fixture;

static void
fixture_init (Fixture *fixture)
{
  tlc_worker_hold ();
  fixture->catalog = tlc_catalog_new ();
}

static void
fixture_clear (Fixture *fixture)
{
  tlc_catalog_end (fixture->catalog);
  tlc_catalog_unref (fixture->catalog);
  tlc_service_let_workers_go ();
}

static TlcServicesFile *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  TlcServicesFile *file = tlc_services_file_parse ("text", text, strlen (text), &error);

  if (file == NULL)
    ck_abort_msg ("%s", error->message);
  return file;
}

/* What literal addresses stand for. */
static GPtrArray *
answer (const TlcServicesFile *file)
{
  GPtrArray *answers = tlc_answers_new ();

  for (guint i = 0; i < file->addresses->len; i++)
    g_ptr_array_add (answers, tlc_answer_ask (file->addresses->pdata[i]));
  return answers;
}

static gboolean
apply (Fixture *fixture, guint64 ticket, const char *text, char **ret_summary)
{
  g_autoptr (TlcServicesFile) file = parse (text);

  return tlc_reload_apply (fixture->catalog, ticket, file, answer (file), ret_summary, NULL);
}

/* Law 8: of two at a time that which began last is in force in the end, whichever ends first. */
START_TEST (test_reload_overtaken)
{
  Fixture fixture;
  guint64 first, second;
  g_autofree char *summary = NULL, *late = NULL;

  fixture_init (&fixture);
  first = tlc_reload_begin (fixture.catalog);
  second = tlc_reload_begin (fixture.catalog);
  ck_assert (apply (&fixture, second, "[second]\nendpoints=unix:@a\n", &summary));
  ck_assert_str_eq (summary, "text: in force: second: added; 0 as before");
  ck_assert (apply (&fixture, first, "[first]\nendpoints=unix:@a\n", &late));
  ck_assert_ptr_null (late);
  ck_assert_uint_eq (tlc_root_get_generation (fixture.catalog->root), 1);
  ck_assert_ptr_null (tlc_directory_find (&fixture.catalog->directory, "first"));
  ck_assert_ptr_nonnull (tlc_directory_find (&fixture.catalog->directory, "second"));
  fixture_clear (&fixture);
}
END_TEST

/* Law 8: one that cannot be leaves nothing behind, not even the names that it would have added. */
START_TEST (test_reload_leaves_nothing)
{
  Fixture fixture;
  g_autoptr (TlcServicesFile) file = NULL;
  g_autoptr (GPtrArray) answers = NULL;
  g_autoptr (GError) error = NULL;
  GError *unknown = NULL;
  char *summary = NULL;

  fixture_init (&fixture);
  file = parse ("[new]\nendpoints=unix:@a\n[other]\nendpoints=tcp://nobody.invalid:1\n");
  answers = answer (file);
  g_set_error_literal (&unknown, TLC_ERROR, TLC_ERROR_UNAVAILABLE, "nobody.invalid: nobody knows");
  tlc_answer_free (answers->pdata[1]);
  answers->pdata[1] = tlc_answer_new (NULL, unknown);
  ck_assert (!tlc_reload_apply (fixture.catalog, tlc_reload_begin (fixture.catalog), file,
                                g_steal_pointer (&answers), &summary, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE));
  ck_assert_str_eq (error->message, "text:3: service other: nobody.invalid: nobody knows");
  ck_assert_ptr_null (summary);
  ck_assert_ptr_null (tlc_directory_find (&fixture.catalog->directory, "new"));
  ck_assert_uint_eq (tlc_root_get_generation (fixture.catalog->root), 0);
  fixture_clear (&fixture);
}
END_TEST

/* Law 7: one that comes when the registry is gone does nothing. */
START_TEST (test_reload_too_late)
{
  Fixture fixture;
  char *summary = NULL;

  fixture_init (&fixture);
  ck_assert (apply (&fixture, tlc_reload_begin (fixture.catalog), "[a]\nendpoints=unix:@a\n", &summary));
  g_free (summary);
  tlc_catalog_end (fixture.catalog);
  ck_assert (apply (&fixture, tlc_reload_begin (fixture.catalog), "[b]\nendpoints=unix:@a\n", &summary));
  ck_assert_ptr_null (summary);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reload");
  TCase *tests = tcase_create ("reload");

  tcase_add_test (tests, test_reload_overtaken);
  tcase_add_test (tests, test_reload_leaves_nothing);
  tcase_add_test (tests, test_reload_too_late);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
