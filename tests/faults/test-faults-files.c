/* SPDX-License-Identifier: Apache-2.0 */
/* No more files can be opened, by the process or by the system, docs/faults.md, row 27. */

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"
#include "support/tlc-shim.h"

#define OPEN_FILES "Too many open files"

typedef struct {
  TlcServer *server;
  const char *endpoint;
  char *named; /* the same, by a name */
  guint fds;
} Files;

static void
files_init (Files *files)
{
  files->server = tlc_echo_server (NULL);
  files->endpoint = tlc_server_get_endpoint (files->server);
  files->named = g_strdup_printf ("tcp://localhost:%s", strrchr (files->endpoint, ':') + 1);
  files->fds = tlc_process_count_fds ();
}

static void
files_clear (Files *files, TlcService *service)
{
  tlc_service_unref (service);
  tlc_thread_detach ();
  ck_assert_msg (tlc_process_settles (tlc_process_count_fds, files->fds), "files are left open");
  ck_assert_msg (tlc_process_settles (tlc_process_count_library_threads, 0), "threads are left");
  tlc_server_stop (files->server);
  g_free (files->named);
}

/* So many more files may be opened than are open. */
static struct rlimit
allow_files (guint n)
{
  struct rlimit before, now;
  int lowest_free = dup (STDIN_FILENO);

  ck_assert_int_ge (lowest_free, 0);
  close (lowest_free);
  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &before), 0);
  now = (struct rlimit){ (rlim_t) lowest_free + n, before.rlim_max };
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &now), 0);
  return before;
}

static void
allow_files_again (const struct rlimit *before)
{
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, before), 0);
}

/* The call fails, and says of what, where, why, and that nothing was sent. */
static void
must_fail_for_files (Files *files, TlcService *service, const char *reason)
{
  g_autofree char *text = g_strdup_printf ("%s: %s", files->endpoint, reason);

  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, text);
  tlc_echo_must_fail (service, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT, "echo.add");
}

/* Law 4: where the process may open no more files, a call that would need one says so, and that
 * nothing was sent; nothing leaks, and when files are free again the next call is good. */
START_TEST (test_faults_row_27_process_has_no_more_files)
{
  TlcService *service;
  struct rlimit before;
  Files files;

  files_init (&files);
  service = tlc_echo_service (files.endpoint, "spare-connections", "0", NULL);
  for (guint round = 0; round < 3; round++)
    {
      guint n_open = tlc_process_count_fds ();

      before = allow_files (0);
      for (guint i = 0; i < 20; i++)
        must_fail_for_files (&files, service, OPEN_FILES);
      allow_files_again (&before);
      ck_assert_uint_eq (tlc_process_count_fds (), n_open);
      tlc_echo_must_add (service);
      tlc_thread_detach ();
    }
  files_clear (&files, service);
}
END_TEST

/* Law 1: a connection that is open is used on, whatever files there are. */
START_TEST (test_faults_row_27_open_connections_go_on)
{
  TlcService *service;
  struct rlimit before;
  Files files;
  TlcStats stats;

  files_init (&files);
  service = tlc_echo_service (files.endpoint, "spare-connections", "0", NULL);
  tlc_echo_must_add (service);
  before = allow_files (0);
  for (guint i = 0; i < 100; i++)
    tlc_echo_must_add (service);
  allow_files_again (&before);
  tlc_service_get_stats (service, &stats);
  ck_assert_uint_eq (stats.failures, 0);
  ck_assert_uint_eq (stats.connects, 1);
  files_clear (&files, service);
}
END_TEST

/* Law 4: where the whole system has no more files, a call says so, and the next one is good. */
START_TEST (test_faults_row_27_system_has_no_more_files)
{
  TlcService *service;
  Files files;

  files_init (&files);
  service = tlc_echo_service (files.endpoint, "spare-connections", "0", NULL);
  for (guint round = 0; round < 3; round++)
    {
      ck_assert_int_eq (tlc_shim_set ("socket:1+:ENFILE"), 0);
      must_fail_for_files (&files, service, OPEN_FILES " in system");
      tlc_shim_set (NULL);
      tlc_echo_must_add (service);
      tlc_thread_detach ();
    }
  files_clear (&files, service);
}
END_TEST

static TlcConfig *
make_config (const char *endpoints)
{
  TlcConfig *config = tlc_config_new ();

  ck_assert (tlc_config_set (config, "endpoints", endpoints, NULL));
  return config;
}

/* Law 7: a service whose name cannot be looked up for want of files is not made, says so, and
 * leaves nothing; made again with files it works. */
START_TEST (test_faults_row_27_new_service_by_name)
{
  TlcService *service;
  Files files;

  files_init (&files);
  for (guint n = 0; n < 4; n++)
    {
      g_autoptr (TlcConfig) config = make_config (files.named);
      g_autoptr (GError) error = NULL;
      struct rlimit before = allow_files (n);

      service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, &error);
      allow_files_again (&before);
      ck_assert (n > 0 || service == NULL);
      if (service == NULL)
        {
          ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_UNAVAILABLE), "%s",
                         error->message);
          ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
          ck_assert_msg (g_str_has_prefix (error->message, "service echo: "), "%s",
                         error->message);
          ck_assert_msg (strstr (error->message, files.named) != NULL, "%s", error->message);
        }
      tlc_service_unref (service);
      ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
      ck_assert_uint_eq (tlc_process_count_fds (), files.fds);
    }
  service = tlc_echo_service (files.named, NULL);
  tlc_echo_must_add (service);
  files_clear (&files, service);
}
END_TEST

/* Law 8: a change that has no file for the thread behind it is refused as a whole, says so, and
 * what ran before goes on. */
START_TEST (test_faults_row_27_reconfigure)
{
  g_autoptr (TlcConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  TlcService *service;
  struct rlimit before;
  Files files;

  files_init (&files);
  service = tlc_echo_service (files.endpoint, "spare-connections", "0", NULL);
  config = make_config ("tcp://127.0.0.1:1");
  before = allow_files (0);
  ck_assert (!tlc_service_reconfigure (service, config, &error));
  allow_files_again (&before);
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED), "%s", error->message);
  ck_assert_msg (strstr (error->message, OPEN_FILES) != NULL, "%s", error->message);
  ck_assert_uint_eq (tlc_service_get_generation (service), 1);
  tlc_echo_must_add (service);
  tlc_echo_reconfigure (service, files.endpoint, NULL);
  tlc_echo_must_add (service);
  files_clear (&files, service);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-files");
  TCase *tcase = tcase_create ("files");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_faults_row_27_process_has_no_more_files);
  tcase_add_test (tcase, test_faults_row_27_open_connections_go_on);
  tcase_add_test (tcase, test_faults_row_27_system_has_no_more_files);
  tcase_add_test (tcase, test_faults_row_27_new_service_by_name);
  tcase_add_test (tcase, test_faults_row_27_reconfigure);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
