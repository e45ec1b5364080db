/* SPDX-License-Identifier: Apache-2.0 */

/* A registry that follows its file, against real servers: what is done to the file, and what is told. Laws 2,
 * 8, 9. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "support/tlc-pair.h"
#include "support/tlc-process.h"
#include "support/tlc-registry-fixture.h"

typedef struct {
  TlcPair pair;
  TlcRegistry *registry;
  Told told;
  char *directory, *path, *aside;
} Fixture;

static char *
text_for (const char *endpoint)
{
  return g_strdup_printf ("[a]\nendpoints = %s\n", endpoint);
}

static void
write_to (const char *path, const char *endpoint)
{
  g_autofree char *text = text_for (endpoint);
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, text, strlen (text)), (gssize) strlen (text));
  close (fd);
}

/* By way of another file, as one should. */
static void
replace_by (Fixture *fixture, const char *endpoint)
{
  write_to (fixture->aside, endpoint);
  ck_assert_int_eq (g_rename (fixture->aside, fixture->path), 0);
}

static void
fixture_init (Fixture *fixture)
{
  tlc_pair_init (&fixture->pair);
  fixture->directory = g_dir_make_tmp ("tlc-watch-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "services.conf", NULL);
  fixture->aside = g_build_filename (fixture->directory, "services.conf~", NULL);
  fixture->registry = tlc_registry_new ();
}

static void
fixture_follow (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  if (!tlc_registry_load (fixture->registry, fixture->path, &error)
      || !tlc_registry_watch (fixture->registry, &error))
    ck_abort_msg ("%s", error->message);
  told_init (&fixture->told, fixture->registry);
}

static void
fixture_clear (Fixture *fixture, guint n_events)
{
  g_autofree char *command = g_strdup_printf ("rm -rf '%s'", fixture->directory);

  tlc_thread_detach ();
  tlc_registry_unref (fixture->registry);
  told_clear (&fixture->told, n_events);
  ck_assert_int_eq (system (command), 0);
  g_free (fixture->directory);
  g_free (fixture->path);
  g_free (fixture->aside);
  tlc_pair_clear (&fixture->pair);
}

/* The next thing that is told is that a change is in force, which is then the @generation-th. */
static void
must_be_applied (Fixture *fixture, guint64 generation)
{
  told_must_be (&fixture->told, (guint) generation - 2, TLC_EVENT_APPLIED, generation, "*");
}

/* Law 8: renamed over, rewritten in place, removed and made anew: each is followed once; the same
 * text again is nothing. */
START_TEST (test_registry_watch_row_41_follows)
{
  Fixture fixture;

  fixture_init (&fixture);
  write_to (fixture.path, fixture.pair.at_a);
  fixture_follow (&fixture);
  registry_must_be_served_by (fixture.registry, "a", "A");
  replace_by (&fixture, fixture.pair.at_b);
  must_be_applied (&fixture, 2);
  registry_must_be_served_by (fixture.registry, "a", "B");
  replace_by (&fixture, fixture.pair.at_b);
  write_to (fixture.path, fixture.pair.at_a);
  must_be_applied (&fixture, 3);
  registry_must_be_served_by (fixture.registry, "a", "A");
  ck_assert_int_eq (g_unlink (fixture.path), 0);
  write_to (fixture.path, fixture.pair.at_b);
  must_be_applied (&fixture, 4);
  registry_must_be_served_by (fixture.registry, "a", "B");
  fixture_clear (&fixture, 3);
}
END_TEST

/* Law 8: what cannot be used is told, once, and changes nothing; what comes after it is followed. */
START_TEST (test_registry_watch_refuses)
{
  Fixture fixture;

  fixture_init (&fixture);
  write_to (fixture.path, fixture.pair.at_a);
  fixture_follow (&fixture);
  write_to (fixture.path, "nonsense");
  told_must_be (&fixture.told, 0, TLC_EVENT_REJECTED, 1, "*services.conf:2: a: endpoints = \"nonsense\": *");
  registry_must_be_served_by (fixture.registry, "a", "A");
  ck_assert_int_eq (g_chmod (fixture.path, 0644), 0);
  ck_assert_int_eq (g_unlink (fixture.path), 0);
  ck_assert_int_eq (g_mkdir (fixture.path, 0700), 0);
  told_must_be (&fixture.told, 1, TLC_EVENT_REJECTED, 1, "*services.conf: a directory: *");
  ck_assert_int_eq (g_rmdir (fixture.path), 0);
  replace_by (&fixture, fixture.pair.at_b);
  told_must_be (&fixture.told, 2, TLC_EVENT_APPLIED, 2, "*");
  registry_must_be_served_by (fixture.registry, "a", "B");
  fixture_clear (&fixture, 3);
}
END_TEST

/* Law 8, as Kubernetes does it: the file is a link into a link to a directory, which is swapped, and the old
 * directory removed. 100 in a row, each followed once. */
START_TEST (test_registry_watch_row_41_kubernetes)
{
  g_autofree char *previous = NULL;
  Fixture fixture;

  fixture_init (&fixture);
  ck_assert_int_eq (symlink ("..data/services.conf", fixture.path), 0);
  for (guint i = 1; i <= 101; i++)
    {
      g_autofree char *name = g_strdup_printf ("..version_%u", i);
      g_autofree char *directory = g_build_filename (fixture.directory, name, NULL);
      g_autofree char *file = g_build_filename (directory, "services.conf", NULL);
      g_autofree char *data = g_build_filename (fixture.directory, "..data", NULL);
      g_autofree char *data_tmp = g_build_filename (fixture.directory, "..data_tmp", NULL);

      ck_assert_int_eq (g_mkdir (directory, 0700), 0);
      write_to (file, i % 2 == 1 ? fixture.pair.at_a : fixture.pair.at_b);
      ck_assert_int_eq (symlink (name, data_tmp), 0);
      ck_assert_int_eq (g_rename (data_tmp, data), 0);
      if (previous != NULL)
        {
          g_autofree char *command = g_strdup_printf ("rm -r '%s'", previous);

          ck_assert_int_eq (system (command), 0);
          must_be_applied (&fixture, i);
        }
      else
        fixture_follow (&fixture);
      registry_must_be_served_by (fixture.registry, "a", i % 2 == 1 ? "A" : "B");
      g_free (previous);
      previous = g_steal_pointer (&directory);
    }
  fixture_clear (&fixture, 100);
}
END_TEST

/* Another file is loaded: that one is followed from then on. What was rolled back stays so until the file
 * changes. */
START_TEST (test_registry_watch_moves)
{
  g_autofree char *second = NULL;
  Fixture fixture;

  fixture_init (&fixture);
  second = g_build_filename (fixture.directory, "second.conf", NULL);
  write_to (fixture.path, fixture.pair.at_a);
  write_to (second, fixture.pair.at_b);
  fixture_follow (&fixture);
  ck_assert (tlc_registry_load (fixture.registry, second, NULL));
  must_be_applied (&fixture, 2);
  ck_assert (tlc_registry_watch (fixture.registry, NULL));
  ck_assert (tlc_registry_rollback (fixture.registry, NULL));
  must_be_applied (&fixture, 3);
  registry_must_be_served_by (fixture.registry, "a", "A");
  ck_assert_int_eq (g_chmod (second, 0644), 0);
  write_to (fixture.path, "nonsense");
  write_to (second, "unix:@c");
  must_be_applied (&fixture, 4);
  fixture_clear (&fixture, 3);
}
END_TEST

/* What changes between the load and the watch is not missed. */
START_TEST (test_registry_watch_begins_late)
{
  Fixture fixture;

  fixture_init (&fixture);
  write_to (fixture.path, fixture.pair.at_a);
  ck_assert (tlc_registry_load (fixture.registry, fixture.path, NULL));
  told_init (&fixture.told, fixture.registry);
  replace_by (&fixture, fixture.pair.at_b);
  ck_assert (tlc_registry_watch (fixture.registry, NULL));
  told_must_be (&fixture.told, 0, TLC_EVENT_APPLIED, 2, "*");
  registry_must_be_served_by (fixture.registry, "a", "B");
  fixture_clear (&fixture, 1);
}
END_TEST

/* There must be a file to follow. */
START_TEST (test_registry_watch_nothing)
{
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  g_autoptr (GError) error = NULL;

  ck_assert (!tlc_registry_watch (registry, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  g_clear_error (&error);
  registry_must_load (registry, "[a]\nendpoints=unix:@a\n");
  ck_assert (!tlc_registry_watch (registry, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert (!tlc_registry_load (registry, "/nonexistent/services.conf", NULL));
  ck_assert (!tlc_registry_watch (registry, NULL));
}
END_TEST

/* What could be found in the file: a call goes on as before, whatever is; what could not be used is one error,
 * which names a line, or what is there. */
static void
load_spoilt (Fixture *fixture, const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (fixture->path, text, (gssize) length, NULL));
  if (!tlc_registry_load (fixture->registry, fixture->path, &error))
    {
      ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
      ck_assert_msg (g_str_has_prefix (error->message, fixture->path), "%s", error->message);
    }
  registry_must_be_served_by (fixture->registry, "a", "A");
}

/* Law 8: a file that is cut at each byte, and one each of whose lines is spoilt in several ways:
 * what ran runs on. */
START_TEST (test_registry_watch_row_40_spoilt)
{
  static const char *const spoils[] = { "x", "=", "[", "]", "[a]\n", "\x01", "\xff", "\\", "endpoints = \n" };
  g_autofree char *text = NULL;
  Fixture fixture;
  gsize length;

  fixture_init (&fixture);
  text = g_strdup_printf ("[a]\nendpoints = %s\ncall-timeout = 20s\n[b]\nendpoints = %s\n"
                          "max-connections = 4\n",
                          fixture.pair.at_a, fixture.pair.at_b);
  length = strlen (text);
  registry_must_load (fixture.registry, "%s", text);
  for (gsize cut = 0; cut <= length; cut++)
    {
      load_spoilt (&fixture, text, cut);
      registry_must_load (fixture.registry, "%s", text);
    }
  for (const char *line = text; *line != '\0'; line = strchr (line, '\n') + 1)
    for (guint i = 0; i < G_N_ELEMENTS (spoils); i++)
      {
        g_autofree char *before = g_strndup (text, (gsize) (line - text));
        g_autofree char *spoilt = g_strconcat (before, spoils[i], line, NULL);

        load_spoilt (&fixture, spoilt, strlen (spoilt));
        registry_must_load (fixture.registry, "%s", text);
      }
  told_init (&fixture.told, fixture.registry);
  fixture_clear (&fixture, 0);
}
END_TEST

/* Law 8: what is no file, or too large: refused at once, and what ran runs on. */
START_TEST (test_registry_watch_row_40_no_file)
{
  Fixture fixture;
  int fd;

  fixture_init (&fixture);
  write_to (fixture.path, fixture.pair.at_a);
  ck_assert (tlc_registry_load (fixture.registry, fixture.path, NULL));
  registry_must_be_served_by (fixture.registry, "a", "A");
  ck_assert (!tlc_registry_load (fixture.registry, fixture.directory, NULL));
  ck_assert_int_eq (mkfifo (fixture.aside, 0600), 0);
  ck_assert (!tlc_registry_load (fixture.registry, fixture.aside, NULL));
  ck_assert_int_eq (g_unlink (fixture.aside), 0);
  fd = open (fixture.aside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_eq (ftruncate (fd, (off_t) 1 << 30), 0);
  close (fd);
  ck_assert (!tlc_registry_load (fixture.registry, fixture.aside, NULL));
  ck_assert_uint_eq (tlc_registry_get_generation (fixture.registry), 1);
  registry_must_be_served_by (fixture.registry, "a", "A");
  told_init (&fixture.told, fixture.registry);
  fixture_clear (&fixture, 0);
}
END_TEST

#ifndef TLC_TEST_SANITIZER /* which have locks of their own that a child of many threads inherits */
static int
follow_in_child (Fixture *fixture)
{
  g_autofree char *who = tlc_echo_who (registry_get (fixture->registry, "a"));

  if (!g_str_equal (who, "B"))
    return 1;
  replace_by (fixture, fixture->pair.at_a);
  while (tlc_registry_get_generation (fixture->registry) != 3)
    g_usleep (1000);
  g_free (who);
  who = tlc_echo_who (registry_get (fixture->registry, "a"));
  return g_str_equal (who, "A") ? 0 : 2;
}

/* A child follows the file by itself, from its first call on, and the parent goes on. */
START_TEST (test_registry_watch_in_a_child)
{
  Fixture fixture;
  pid_t child;
  int status;

  fixture_init (&fixture);
  write_to (fixture.path, fixture.pair.at_a);
  fixture_follow (&fixture);
  registry_must_be_served_by (fixture.registry, "a", "A");
  replace_by (&fixture, fixture.pair.at_b);
  must_be_applied (&fixture, 2);
  child = fork ();
  if (child == 0)
    _exit (follow_in_child (&fixture));
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
  must_be_applied (&fixture, 3);
  registry_must_be_served_by (fixture.registry, "a", "A");
  fixture_clear (&fixture, 2);
}
END_TEST
#endif

int
main (void)
{
  Suite *suite = suite_create ("registry-watch");
  TCase *tests = tcase_create ("watch");

  tcase_add_test (tests, test_registry_watch_row_41_follows);
  tcase_add_test (tests, test_registry_watch_refuses);
  tcase_add_test (tests, test_registry_watch_row_41_kubernetes);
  tcase_add_test (tests, test_registry_watch_moves);
  tcase_add_test (tests, test_registry_watch_begins_late);
  tcase_add_test (tests, test_registry_watch_nothing);
  tcase_add_test (tests, test_registry_watch_row_40_spoilt);
  tcase_add_test (tests, test_registry_watch_row_40_no_file);
#ifndef TLC_TEST_SANITIZER
  tcase_add_test (tests, test_registry_watch_in_a_child);
#endif
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
