/* SPDX-License-Identifier: Apache-2.0 */

/* The watch: real files in a directory of the test's own. What is told is looked at as the registry
 * does, by contents; what is asserted is what was seen, in order, and how often was told. */
#include "keeper/tlc-watch.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/tlc-jobs.h"
#include "support/tlc-process.h"

/* There are tests that wait for seconds, in which nothing of ours runs. */
#ifdef TLC_TEST_SANITIZER
#define WAITS_FOR_SECONDS FALSE
#else
#define WAITS_FOR_SECONDS TRUE
#endif

static char *root;

/* --- whoever is told --- */

typedef struct {
  char *path;
  TlcWatch *watch;
  pthread_mutex_t lock;
  /* under the lock: */
  GString *seen; /* the contents, each change with a space after it */
  char *last;
  guint n_calls, n_destroyed;
  gboolean stops; /* when it is told */
} Reader;

static void
reader_look (gpointer data)
{
  Reader *reader = data;
  g_autofree char *contents = NULL;
  gboolean stops;

  if (!g_file_get_contents (reader->path, &contents, NULL, NULL))
    contents = g_strdup ("(none)");
  pthread_mutex_lock (&reader->lock);
  reader->n_calls++;
  stops = reader->stops;
  if (g_strcmp0 (contents, reader->last) != 0)
    {
      g_string_append_printf (reader->seen, "%s ", contents);
      g_free (reader->last);
      reader->last = g_steal_pointer (&contents);
    }
  pthread_mutex_unlock (&reader->lock);
  if (stops)
    tlc_watch_stop (g_steal_pointer (&reader->watch));
}

static void
reader_destroyed (gpointer data)
{
  Reader *reader = data;

  pthread_mutex_lock (&reader->lock);
  reader->n_destroyed++;
  pthread_mutex_unlock (&reader->lock);
}

/* Watches @name; what is there now is known. */
static Reader *
reader_new (const char *name)
{
  Reader *reader = g_new0 (Reader, 1);
  g_autoptr (GError) error = NULL;

  reader->path = g_build_filename (root, name, NULL);
  reader->seen = g_string_new (NULL);
  pthread_mutex_init (&reader->lock, NULL);
  if (!g_file_get_contents (reader->path, &reader->last, NULL, NULL))
    reader->last = g_strdup ("(none)");
  reader->watch = tlc_watch_new (reader->path, reader_look, reader, reader_destroyed, &error);
  ck_assert_msg (reader->watch != NULL, "%s", error != NULL ? error->message : "");
  return reader;
}

static guint
reader_count (Reader *reader, const guint *n)
{
  guint count;

  pthread_mutex_lock (&reader->lock);
  count = *n;
  pthread_mutex_unlock (&reader->lock);
  return count;
}

static void
reader_await (Reader *reader, const char *last)
{
  gint64 deadline_us = tlc_clock_now_us () + WATCHDOG_US;

  for (;;)
    {
      gboolean has_seen;

      pthread_mutex_lock (&reader->lock);
      has_seen = g_str_equal (reader->last, last);
      pthread_mutex_unlock (&reader->lock);
      if (has_seen)
        return;
      ck_assert_msg (tlc_clock_now_us () < deadline_us, "\"%s\" and not %s", reader->seen->str,
                     last);
      poll (NULL, 0, 1);
    }
}

/* Stopped, gone, and it saw that. */
static void
reader_end (Reader *reader, const char *seen)
{
  gint64 deadline_us = tlc_clock_now_us () + WATCHDOG_US;

  tlc_watch_stop (reader->watch);
  while (reader_count (reader, &reader->n_destroyed) == 0 && tlc_clock_now_us () < deadline_us)
    poll (NULL, 0, 1);
  ck_assert_uint_eq (reader_count (reader, &reader->n_destroyed), 1);
  if (seen != NULL)
    ck_assert_str_eq (reader->seen->str, seen);
  g_string_free (reader->seen, TRUE);
  g_free (reader->last);
  g_free (reader->path);
  g_free (reader);
}

/* --- files --- */

static const char *
at (const char *name)
{
  static char paths[4][512];
  static guint n;
  char *path = paths[n++ % 4];

  g_snprintf (path, sizeof paths[0], "%s/%s", root, name);
  return path;
}

static void
put_bytes (int fd, const char *text)
{
  ck_assert_int_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
}

static int
open_anew (const char *name)
{
  int fd = open (at (name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

  ck_assert_int_ge (fd, 0);
  return fd;
}

static void
rewrite (const char *name, const char *text)
{
  int fd = open_anew (name);

  put_bytes (fd, text);
  close (fd);
}

static void
make_directory (const char *name)
{
  ck_assert_int_eq (mkdir (at (name), 0755), 0);
}

static void
move (const char *from, const char *to)
{
  ck_assert_int_eq (rename (at (from), at (to)), 0);
}

static void
replace (const char *name, const char *text)
{
  g_autofree char *temporary = g_strconcat (name, ".new", NULL);

  rewrite (temporary, text);
  move (temporary, name);
}

static void
point (const char *name, const char *target)
{
  g_autofree char *temporary = g_strconcat (name, "_tmp", NULL);

  ck_assert_int_eq (symlink (target, at (temporary)), 0);
  move (temporary, name);
}

static void
begin (void)
{
  root = g_dir_make_tmp ("tlc-watch-XXXXXX", NULL);
  ck_assert_ptr_nonnull (root);
  keeper_open ();
}

static void
end (void)
{
  const char *command[] = { "rm", "-rf", root, NULL };

  keeper_close ();
  tasks_await (KEEPER, 0);
  g_spawn_sync (NULL, (char **) command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                NULL);
  g_clear_pointer (&root, g_free);
}

/* --- tests --- */

/* Law 8: renamed over: each time told once. */
START_TEST (test_watch_row_41_renamed_over)
{
  Reader *reader;

  begin ();
  rewrite ("f", "a");
  reader = reader_new ("f");
  replace ("f", "b");
  reader_await (reader, "b");
  replace ("f", "c");
  reader_await (reader, "c");
  ck_assert_uint_eq (reader_count (reader, &reader->n_calls), 2);
  reader_end (reader, "b c ");
  end ();
}
END_TEST

/* Law 8: rewritten in place, in two writes with a pause: it is told once, when it is
 * closed, and never half. */
START_TEST (test_watch_row_41_rewritten_in_place)
{
  Reader *reader;
  int fd;

  begin ();
  rewrite ("f", "a");
  reader = reader_new ("f");
  fd = open_anew ("f");
  put_bytes (fd, "first,");
  poll (NULL, 0, 5 * TLC_WATCH_CLOSED_MS); /* the writer's pause */
  put_bytes (fd, "second");
  close (fd);
  reader_await (reader, "first,second");
  ck_assert_uint_eq (reader_count (reader, &reader->n_calls), 1);
  reader_end (reader, "first,second ");
  end ();
}
END_TEST

/* Law 8: written and not closed: told when it is quiet, and under constant writing all the same;
 * hard links come without a close. */
START_TEST (test_watch_row_41_written_and_not_closed)
{
  Reader *reader;
  gint64 deadline_us;
  int fd;

  begin ();
  rewrite ("f", "a");
  reader = reader_new ("f");
  fd = open_anew ("f");
  put_bytes (fd, "b");
  reader_await (reader, "b");
  put_bytes (fd, "c");
  close (fd);
  reader_await (reader, "bc");
  ck_assert_int_eq (unlink (at ("f")), 0);
  rewrite ("other", "d");
  ck_assert_int_eq (link (at ("other"), at ("f")), 0);
  reader_await (reader, "d");
  ck_assert_str_eq (reader->seen->str, "b bc d ");
  fd = open (at ("f"), O_WRONLY | O_APPEND | O_CLOEXEC);
  deadline_us = tlc_clock_now_us () + WATCHDOG_US;
  for (guint n = reader_count (reader, &reader->n_calls);
       reader_count (reader, &reader->n_calls) == n && tlc_clock_now_us () < deadline_us;)
    {
      put_bytes (fd, ".");
      poll (NULL, 0, 10);
    }
  ck_assert_int_lt (tlc_clock_now_us (), deadline_us);
  close (fd);
  reader_end (reader, NULL);
  end ();
}
END_TEST

/* Law 8: symlinks swapped as Kubernetes does, 100 in a row: each is followed once. */
START_TEST (test_watch_row_41_symlink_swapped)
{
  g_autoptr (GString) expected = g_string_new (NULL);
  Reader *reader;

  begin ();
  make_directory ("d");
  make_directory ("d/..2024_0");
  rewrite ("d/..2024_0/services.conf", "0");
  ck_assert_int_eq (symlink ("..2024_0", at ("d/..data")), 0);
  ck_assert_int_eq (symlink ("..data/services.conf", at ("d/services.conf")), 0);
  reader = reader_new ("d/services.conf");
  for (guint i = 1; i <= 100; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);
      g_autofree char *directory = g_strdup_printf ("d/..2024_%u", i);
      g_autofree char *file = g_strconcat (directory, "/services.conf", NULL);
      g_autofree char *old = g_strdup_printf ("d/..2024_%u", i - 1);
      g_autofree char *old_file = g_strconcat (old, "/services.conf", NULL);

      make_directory (directory);
      rewrite (file, text);
      ck_assert_int_eq (symlink (directory + 2, at ("d/..data_tmp")), 0);
      move ("d/..data_tmp", "d/..data");
      ck_assert_int_eq (unlink (at (old_file)), 0);
      ck_assert_int_eq (rmdir (at (old)), 0);
      reader_await (reader, text);
      g_string_append_printf (expected, "%s ", text);
    }
  ck_assert_uint_eq (reader_count (reader, &reader->n_calls), 100);
  reader_end (reader, expected->str);
  end ();
}
END_TEST

/* Law 8: a symlink to a file elsewhere, which is renamed over, written, and pointed away from; a
 * directory on the way that is a symlink; one that has no end. */
START_TEST (test_watch_row_41_target_elsewhere)
{
  Reader *reader;

  begin ();
  make_directory ("d");
  make_directory ("e");
  make_directory ("real");
  rewrite ("real/f", "a");
  rewrite ("e/f", "z");
  ck_assert_int_eq (symlink ("../real/./f", at ("d/f")), 0);
  ck_assert_int_eq (symlink ("d", at ("way")), 0);
  reader = reader_new ("way/../way/f");
  replace ("real/f", "b");
  reader_await (reader, "b");
  rewrite ("real/f", "c");
  reader_await (reader, "c");
  point ("d/f", at ("d/f"));
  point ("d/f", at ("e/f"));
  reader_await (reader, "z");
  make_directory ("k");
  rewrite ("k/f", "y");
  point ("way", "k");
  reader_await (reader, "y");
  reader_end (reader, "b c z y ");
  end ();
}
END_TEST

/* Law 8: directories on the way are moved away, removed, made again: what is at the path is
 * followed. Missing is not told. */
START_TEST (test_watch_row_41_directory_replaced)
{
  Reader *reader;

  begin ();
  make_directory ("a");
  make_directory ("a/b");
  rewrite ("a/b/f", "1");
  make_directory ("new");
  make_directory ("new/b");
  rewrite ("new/b/f", "2");
  reader = reader_new ("a/b/f");
  move ("a", "old");
  move ("new", "a");
  reader_await (reader, "2");
  rewrite ("old/b/f", "nobody's");
  ck_assert_int_eq (unlink (at ("a/b/f")), 0);
  ck_assert_int_eq (rmdir (at ("a/b")), 0);
  ck_assert_int_eq (rmdir (at ("a")), 0);
  make_directory ("a");
  make_directory ("a/b");
  rewrite ("a/b/f", "3");
  reader_await (reader, "3");
  replace ("a/b/f", "4");
  reader_await (reader, "4");
  reader_end (reader, "2 3 4 ");
  end ();
}
END_TEST

/* Law 8: missing from the start, come, gone and come back, while somebody stays in the
 * directory. */
START_TEST (test_watch_row_41_missing_and_back)
{
  Reader *reader;
  int inside;

  begin ();
  reader = reader_new ("d/e/f");
  make_directory ("d");
  make_directory ("d/e");
  replace ("d/e/f", "1");
  reader_await (reader, "1");
  inside = open (at ("d/e"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq (unlink (at ("d/e/f")), 0);
  /* The keeper has seen that it is missing. */
  poll (NULL, 0, TLC_WATCH_CLOSED_MS);
  ck_assert_int_eq (rmdir (at ("d/e")), 0);
  poll (NULL, 0, TLC_WATCH_CLOSED_MS);
  make_directory ("d/e");
  replace ("d/e/f", "2");
  reader_await (reader, "2");
  close (inside);
  reader_end (reader, "1 2 ");
  end ();
}
END_TEST

/* Law 8: in a storm of renames the last is always seen, and not more is told than happened. */
START_TEST (test_watch_row_41_storm)
{
  Reader *reader;

  begin ();
  rewrite ("f", "a");
  reader = reader_new ("f");
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      replace ("f", text);
    }
  reader_await (reader, "999");
  ck_assert_uint_le (reader_count (reader, &reader->n_calls), 1000);
  reader_end (reader, NULL);
  end ();
}
END_TEST

/* Law 8: events are lost where too many come: what changed among them is seen. */
START_TEST (test_watch_row_41_overflow)
{
  g_autofree char *limit = NULL;
  Reader *reader;
  Gate gate;

  begin ();
  ck_assert (g_file_get_contents ("/proc/sys/fs/inotify/max_queued_events", &limit, NULL, NULL));
  rewrite ("f", "a");
  reader = reader_new ("f");
  gate_close (&gate);
  for (guint64 i = 0; i <= g_ascii_strtoull (limit, NULL, 10) / 2; i++)
    {
      rewrite ("other", "");
      ck_assert_int_eq (unlink (at ("other")), 0);
    }
  replace ("f", "b");
  pthread_barrier_wait (&gate.open);
  reader_await (reader, "b");
  replace ("f", "c");
  reader_await (reader, "c");
  reader_end (reader, "b c ");
  end ();
}
END_TEST

/* A busy neighbour of a directory on the way does not wake the keeper. */
START_TEST (test_watch_busy_neighbour)
{
  Reader *reader;
  guint id;
  guint64 n_before;

  begin ();
  make_directory ("d");
  rewrite ("d/f", "a");
  reader = reader_new ("d/f");
  replace ("d/f", "b");
  reader_await (reader, "b");
  id = tasks_await (KEEPER, 1);
  poll (NULL, 0, TLC_WATCH_CLOSED_MS);
  n_before = task_read_status (id, "\nvoluntary_ctxt_switches:", 10);
  for (guint i = 0; i < 10000; i++)
    {
      rewrite ("f", "");
      ck_assert_int_eq (unlink (at ("f")), 0);
    }
  ck_assert_uint_eq (task_read_status (id, "\nvoluntary_ctxt_switches:", 10), n_before);
  reader_end (reader, "b ");
  end ();
}
END_TEST

/* Stopped by whom it tells: it is told no more, and is gone. Law 7: nothing is left. */
START_TEST (test_watch_stopped_inside)
{
  Reader *reader;
  guint fds;

  begin ();
  rewrite ("f", "a");
  fds = tlc_process_count_fds ();
  reader = reader_new ("f");
  reader->stops = TRUE;
  replace ("f", "b");
  reader_await (reader, "b");
  while (reader_count (reader, &reader->n_destroyed) == 0)
    poll (NULL, 0, 1);
  ck_assert_uint_eq (tlc_process_count_fds (), fds);
  replace ("f", "c");
  reader_end (reader, "b ");
  end ();
}
END_TEST

/* Where the system has nothing left, an error says what. */
START_TEST (test_watch_exhausted)
{
  struct rlimit before, none;
  g_autoptr (GError) error = NULL;

  begin ();
  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &before), 0);
  none = before;
  none.rlim_cur = 0;
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &none), 0);
  ck_assert_ptr_null (tlc_watch_new (at ("f"), reader_look, NULL, NULL, &error));
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &before), 0);
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED));
  end ();
}
END_TEST

#ifndef TLC_TEST_THREAD_SANITIZER /* it does not follow the threads of a child */

/* fork(): the child sees what changes after it, and takes no event from the parent. */
START_TEST (test_watch_forked)
{
  Reader *reader;
  int status;
  pid_t child;

  begin ();
  rewrite ("f", "a");
  reader = reader_new ("f");
  /* A thread that is just starting may have a sanitizer's locks, which the child would inherit. */
  while (task_read_status (tasks_await (KEEPER, 1), "\nvoluntary_ctxt_switches:", 10) == 0)
    poll (NULL, 0, 1);
  tlc_worker_lock ();
  child = fork ();
  if (child == 0)
    {
      tlc_keeper_after_fork_child_unlocked ();
      tlc_watch_after_fork_child_unlocked ();
      tlc_worker_unlock ();
      if (!tlc_keeper_start (NULL))
        _exit (1);
      replace ("f", "b");
      reader_await (reader, "b");
      replace ("f", "c");
      reader_await (reader, "c");
      reader_end (reader, "b c ");
      _exit (0);
    }
  tlc_worker_unlock ();
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
  reader_await (reader, "c");
  replace ("f", "d");
  reader_await (reader, "d");
  ck_assert_str_eq (strrchr (reader->seen->str, 'c'), "c d ");
  reader_end (reader, NULL);
  end ();
}
END_TEST

#endif

int
main (void)
{
  Suite *suite = suite_create ("watch");
  TCase *tests = tcase_create ("watch");

  tcase_add_test (tests, test_watch_row_41_renamed_over);
  tcase_add_test (tests, test_watch_row_41_rewritten_in_place);
  tcase_add_test (tests, test_watch_row_41_symlink_swapped);
  tcase_add_test (tests, test_watch_row_41_target_elsewhere);
  tcase_add_test (tests, test_watch_row_41_directory_replaced);
  tcase_add_test (tests, test_watch_row_41_storm);
  if (WAITS_FOR_SECONDS)
    {
      tcase_add_test (tests, test_watch_row_41_written_and_not_closed);
      tcase_add_test (tests, test_watch_row_41_missing_and_back);
    }
  tcase_add_test (tests, test_watch_row_41_overflow);
  tcase_add_test (tests, test_watch_busy_neighbour);
  tcase_add_test (tests, test_watch_stopped_inside);
  tcase_add_test (tests, test_watch_exhausted);
#ifndef TLC_TEST_THREAD_SANITIZER
  tcase_add_test (tests, test_watch_forked);
#endif
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
