/* SPDX-License-Identifier: Apache-2.0 */

/* The file of services: what it may be, what is told of what it may not, and that GKeyFile reads the same in
 * it. Law 8. */
#include "model/tlc-services-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tlc/error.h"

#include "model/tlc-key-file.h"
#include "support/tlc-check.h"
#include "support/tlc-key-file-twin.h"

static const char example[] = "# What every service has, unless it says otherwise.\n"
                              "[defaults]\n"
                              "call-timeout = 250ms\n"
                              "\n"
                              "[echo]\n"
                              "endpoints = tcp://127.0.0.1:9090, tcp://[::1]:9090\n"
                              "  idempotent-methods=get_* , find\n"
                              "\t# indented\n"
                              "[log.2]  \n"
                              "endpoints = unix:/run/log.sock\t\n"
                              "call-timeout=2s\n"
                              "multiplexed-name = log\n"
                              "# \xc3\xb6\n";

/* --- what is read --- */

static TlcServicesFile *
must_parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  TlcServicesFile *file = tlc_services_file_parse ("services.conf", text, strlen (text), &error);

  if (file == NULL)
    ck_abort_msg ("%s", error->message);
  return file;
}

static void
must_be (const TlcServicesFile *file, const char *name, const char *key, const char *value)
{
  const TlcFileService *service = tlc_services_file_find (file, name);
  g_autofree char *is = service != NULL ? tlc_config_get (service->config, key) : NULL;

  ck_assert_ptr_nonnull (service);
  ck_assert_str_eq (is, value);
}

/* A group is a service, and what [defaults] says holds for those that say nothing, wherever it stands. */
START_TEST (test_services_file_reads)
{
  g_autoptr (TlcServicesFile) file = must_parse (example);
  g_autoptr (TlcServicesFile) last
      = must_parse ("[a]\ncall-timeout=1s\n[b]\n[defaults]\nendpoints=unix:@x\ncall-timeout=2s\n");

  ck_assert_uint_eq (file->services->len, 2);
  must_be (file, "echo", "endpoints", "tcp://127.0.0.1:9090, tcp://[::1]:9090");
  must_be (file, "echo", "idempotent-methods", "get_*, find");
  must_be (file, "echo", "call-timeout", "250ms");
  must_be (file, "log.2", "call-timeout", "2s");
  ck_assert_uint_eq (tlc_services_file_find (file, "log.2")->line, 9);
  ck_assert_uint_eq (file->addresses->len, 3);
  ck_assert_uint_eq (tlc_services_file_find (file, "echo")->n_addresses, 2);
  ck_assert_ptr_null (tlc_services_file_find (file, "defaults"));
  must_be (last, "a", "call-timeout", "1s");
  must_be (last, "b", "call-timeout", "2s");
  must_be (last, "b", "endpoints", "unix:@x");
}
END_TEST

/* --- what is told --- */

static const struct {
  const char *text;
  const char *message; /* a glob */
} mistakes[] = {
  { "", "services.conf: no service in it: *" },
  { "# nothing\n\n", "services.conf: no service in it: *" },
  { "[defaults]\ncall-timeout=1s\n", "services.conf: no service in it: *" },
  { "[echo]\n", "services.conf:1: service echo: endpoints: not set; it has no default: *" },
  { "endpoints = unix:@x\n[echo]\nendpoints=unix:@x\n", "services.conf:1: *: before any *" },
  { "[echo]\nendpoints\n", "services.conf:2: \"endpoints\": neither *" },
  { "[echo]\n= unix:@x\n", "services.conf:2: *: neither *" },
  { "[echo\nendpoints=unix:@x\n", "services.conf:1: \"[echo\": the name of a service *" },
  { "[echo] x\nendpoints=unix:@x\n", "services.conf:1: *: the name of a service *" },
  { "[]\nendpoints=unix:@x\n", "services.conf:1: *: the name of a service *" },
  { "[e[]\nendpoints=unix:@x\n", "services.conf:1: *: the name of a service *" },
  { "[a b]\nendpoints=unix:@x\n", "services.conf:1: service name \"a b\": *" },
  { "[echo]\nendpoints=unix:@x\n[echo]\n",
    "services.conf:3: [echo]: a second time: the first is in line 1: *" },
  { "[echo]\nendpoints=unix:@x\nendpoints = unix:@y\n",
    "services.conf:3: echo: endpoints: a second time: the first is in line 2: *" },
  { "[echo]\nendpoints=unix:@x\ncall-timeout=\n", "services.conf:3: echo: call-timeout = \"\": *" },
  { "[echo]\nendpoints=unix:@x\ncal-timeout=1s\n", "services.conf:3: echo: cal-timeout = *call-timeout*" },
  { "[echo]\nendpoints=unix:@x\nmin-connections=3\nmax-connections=2\n",
    "services.conf:1: service echo: min-connections = \"3\": more than *" },
  { "[defaults]\ncall-timeout=x\n[a]\nendpoints=unix:@x\n[b]\nendpoints=unix:@x\n",
    "services.conf:2: defaults: call-timeout = \"x\": *" },
  { "\xef\xbb\xbf[echo]\nendpoints=unix:@x\n", "services.conf:1: a byte-order mark*" },
  { "[echo]\nendpoints=unix:@\xff\n", "services.conf:2: bytes that are not UTF-8*" },
  { "[\xe2\x80\xae]\nendpoints=unix:@x\n", "services.conf:1: service name \"\\u202e\": *" },
  { "[echo]\nendpoints=unix:@x\f\n", "services.conf:2: a control character*" },
};

/* One mistake, told with its line and what would be right. */
START_TEST (test_services_file_refuses)
{
  g_autoptr (GError) error = NULL;
  const char *text = mistakes[_i].text;

  ck_assert_ptr_null (tlc_services_file_parse ("services.conf", text, strlen (text), &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (g_pattern_match_simple (mistakes[_i].message, error->message), "%s", error->message);
  ck_assert_msg (strchr (error->message, '\n') == NULL, "%s", error->message);
}
END_TEST

/* Law 8: five mistakes of five kinds, and each of them is told, in the order of the lines. */
START_TEST (test_services_file_tells_all)
{
  static const char text[] = "[defaults]\n"
                             "call-timeout = 250\n"
                             "[echo]\n"
                             "endpoint = tcp://127.0.0.1:9090\n"
                             "max-connections = many\n"
                             "[log]\n"
                             "endpoints = unix:@log\n"
                             "endpoints = unix:@log\n"
                             "nonsense\n";
  static const char *const told[]
      = { "services.conf:2: defaults: call-timeout = \"250\": ", "services.conf:4: echo: endpoint = ",
          "services.conf:5: echo: max-connections = \"many\": ",
          "services.conf:8: log: endpoints: a second time", "services.conf:9: \"nonsense\": " };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;

  ck_assert_ptr_null (tlc_services_file_parse ("services.conf", text, strlen (text), &error));
  lines = g_strsplit (error->message, "\n", -1);
  ck_assert_uint_eq (g_strv_length (lines), G_N_ELEMENTS (told));
  for (guint i = 0; i < G_N_ELEMENTS (told); i++)
    ck_assert_msg (g_str_has_prefix (lines[i], told[i]), "%s", lines[i]);
}
END_TEST

/* Also what is in a group whose own line is a mistake. */
START_TEST (test_services_file_tells_all_of_extra_groups)
{
  static const char text[] = "[echo]\nendpoints=unix:@x\n[echo]\ncall-timeout=x\n[log\nretry=perhaps\n";
  static const char *const told[]
      = { "f:3: [echo]: a second time", "f:4: echo: call-timeout = \"x\": ", "f:5: \"[log\": ",
          "f:6: [log: retry = \"perhaps\": " };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;

  ck_assert_ptr_null (tlc_services_file_parse ("f", text, strlen (text), &error));
  lines = g_strsplit (error->message, "\n", -1);
  ck_assert_uint_eq (g_strv_length (lines), G_N_ELEMENTS (told));
  for (guint i = 0; i < G_N_ELEMENTS (told); i++)
    ck_assert_msg (g_str_has_prefix (lines[i], told[i]), "%s", lines[i]);
}
END_TEST

/* Of very many only so many, and how many more there are. */
START_TEST (test_services_file_tells_so_many)
{
  g_autoptr (GString) text = g_string_new ("[echo]\n");
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;

  for (guint i = 0; i < 999; i++)
    g_string_append (text, "x\n");
  ck_assert_ptr_null (tlc_services_file_parse ("services.conf", text->str, text->len, &error));
  lines = g_strsplit (error->message, "\n", -1);
  ck_assert_uint_eq (g_strv_length (lines), TLC_MISTAKES_MAX + 1);
  ck_assert_str_eq (lines[TLC_MISTAKES_MAX], "services.conf: and 899 more");
}
END_TEST

/* Law 5: what is too much is refused, and says so. */
START_TEST (test_services_file_limits)
{
  g_autofree char *spaces = g_strnfill (TLC_SERVICES_FILE_SIZE_MAX + 1, '\n');
  g_autofree char *line = g_strnfill (TLC_KEY_FILE_LINE_MAX + 1, '#');
  g_autoptr (GString) groups = g_string_new ("[defaults]\nendpoints=unix:@x\n");
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (tlc_services_file_parse ("f", spaces, TLC_SERVICES_FILE_SIZE_MAX + 1, &error));
  ck_assert_str_eq (error->message, "f: larger than 1048576 bytes");
  g_clear_error (&error);
  ck_assert_ptr_null (tlc_services_file_parse ("f", line, TLC_KEY_FILE_LINE_MAX + 1, &error));
  ck_assert (g_str_has_prefix (error->message, "f:1: a line of more than"));
  g_clear_error (&error);
  for (guint i = 0; i < TLC_KEY_FILE_GROUPS_MAX; i++)
    g_string_append_printf (groups, "[s%u]\n", i);
  ck_assert_ptr_null (tlc_services_file_parse ("f", groups->str, groups->len, &error));
  ck_assert_str_eq (error->message, "f:1026: [s1023]: more than 1024 groups");
}
END_TEST

/* Law 5: a file that is nothing but mistakes takes no longer than another. A watchdog of libcheck's ends what
 * does. */
START_TEST (test_services_file_all_mistakes)
{
  static const char *const endings[] = { "f: and 157 more", "f: and 900 more at least" };
  g_autoptr (GString) text = g_string_new ("[a]\n");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; text->len < TLC_SERVICES_FILE_SIZE_MAX - 16; i++)
    {
      if (_i == 1 && i % 200 == 0)
        g_string_append_printf (text, "[%x]\n", i);
      g_string_append_printf (text, "%x=\n", i);
    }
  ck_assert_ptr_null (tlc_services_file_parse ("f", text->str, text->len, &error));
  ck_assert_msg (g_str_has_suffix (error->message, endings[_i]), "%s", strrchr (error->message, '\n'));
}
END_TEST

/* --- held against GKeyFile --- */

static guint n_taken, n_refused;

static void
compare (const char *text, gsize length)
{
  if (tlc_key_file_compare (text, length))
    n_taken++;
  else
    n_refused++;
}

static char *
replace (gsize at, gsize n_deleted, const char *inserted, gsize n_inserted, gsize *ret_length)
{
  GString *text = g_string_new (example);

  g_string_erase (text, (gssize) at, (gssize) n_deleted);
  g_string_insert_len (text, (gssize) at, inserted, (gssize) n_inserted);
  *ret_length = text->len;
  return g_string_free (text, FALSE);
}

/* Law 8: cut at each byte; with each byte left out, each line left out and doubled, and pieces of
 * all kinds put in at each place. */
START_TEST (test_services_file_against_gkeyfile)
{
  static const char *const pieces[]
      = { "\r", "\r\n", "\n", " ", "\t", "=", "[", "]", "#", "\\", ";", "\f", "\v", "\x01", "\x7f", "\xc2\xa0",
          "\xff", "[x]", "a=b\n", "[de]", "\n[y]\n", "  =  ", "\\s", "%", "\"", "\xef\xbb\xbf" };
  gsize length;

  for (gsize at = 0; at <= strlen (example); at++)
    {
      compare (example, at);
      for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
        {
          g_autofree char *text = replace (at, 0, pieces[i], strlen (pieces[i]), &length);
          g_autofree char *other
              = replace (at, MIN (2, strlen (example) - at), pieces[i], strlen (pieces[i]), &length);

          compare (text, strlen (text));
          compare (other, strlen (other));
        }
      if (at < strlen (example))
        {
          g_autofree char *without = replace (at, 1, "", 0, &length);
          g_autofree char *nul = replace (at, 0, "", 1, &length);

          compare (without, strlen (without));
          compare (nul, length);
        }
    }
  for (const char *line = example; *line != '\0'; line = strchr (line, '\n') + 1)
    {
      gsize line_length = (gsize) (strchr (line, '\n') + 1 - line);
      g_autofree char *without = replace ((gsize) (line - example), line_length, "", 0, &length);
      g_autofree char *twice = replace ((gsize) (line - example), 0, line, line_length, &length);

      compare (without, strlen (without));
      compare (twice, strlen (twice));
    }
  ck_assert_uint_ge (n_taken, 2000);
  ck_assert_uint_ge (n_refused, 2000);
}
END_TEST

/* Bytes of all kinds neither crash it nor are taken. */
START_TEST (test_services_file_random_bytes)
{
  guint32 random = 2463534242u;

  for (guint round = 0; round < 2000; round++)
    {
      char text[300];
      gsize length = 0;

      while (length < sizeof text)
        {
          static const char common[] = "[]=#\n\n\r\t aendpoints:/@\\";

          random ^= random << 13;
          random ^= random >> 17;
          random ^= random << 5;
          text[length++] = random % 4 != 0 ? common[(random >> 8) % (sizeof common - 1)]
                                           : (char) (random >> 16);
        }
      compare (text, length);
    }
}
END_TEST

/* --- where it is --- */

static char *directory, *path;

static void
setup (void)
{
  directory = g_dir_make_tmp ("tlc-file-XXXXXX", NULL);
  path = g_build_filename (directory, "services.conf", NULL);
}

static void
teardown (void)
{
  g_remove (path);
  g_rmdir (directory);
  g_free (path);
  g_free (directory);
}

static void
must_not_read (const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *expected = g_strdup_printf ("%s: %s", path, reason);
  gsize length;

  ck_assert_ptr_null (tlc_services_file_read (path, &length, NULL, &error));
  ck_assert (g_error_matches (error, TLC_ERROR, TLC_ERROR_CONFIG));
  ck_assert_str_eq (error->message, expected);
}

START_TEST (test_services_file_is_got)
{
  g_autofree char *text = NULL;
  gsize length;

  ck_assert (g_file_set_contents (path, example, -1, NULL));
  text = tlc_services_file_read (path, &length, NULL, NULL);
  ck_assert_uint_eq (length, strlen (example));
  ck_assert_int_eq (memcmp (text, example, length), 0);
}
END_TEST

/* Law 5: nothing that can be at a path blocks, or is read where it is too large; it is told what is
 * there. A watchdog of libcheck's ends what blocks. */
START_TEST (test_services_file_row_40_what_is_no_file)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gboolean is_missing = FALSE;
  gsize length;
  int fd;

  must_not_read ("cannot be opened: No such file or directory");
  ck_assert_ptr_null (tlc_services_file_read (path, &length, &is_missing, NULL));
  ck_assert (is_missing);
  ck_assert_int_eq (symlink ("nowhere", path), 0);
  must_not_read ("cannot be opened: No such file or directory");
  ck_assert_int_eq (g_unlink (path), 0);
  ck_assert_int_eq (symlink (path, path), 0);
  must_not_read ("cannot be opened: Too many levels of symbolic links");
  ck_assert_int_eq (g_unlink (path), 0);
  ck_assert_int_eq (g_mkdir (path, 0700), 0);
  must_not_read ("a directory: the path of a file is right");
  ck_assert_int_eq (g_rmdir (path), 0);
  ck_assert_int_eq (mkfifo (path, 0600), 0);
  must_not_read ("a FIFO: a regular file is right");
  ck_assert_int_eq (g_unlink (path), 0);
  ck_assert_int_eq (symlink ("/dev/zero", path), 0);
  must_not_read ("a device: a regular file is right");
  ck_assert_int_eq (g_unlink (path), 0);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  must_not_read ("cannot be opened: No such device or address");
  close (fd);
}
END_TEST

/* Law 5: one of a gigabyte, of which not a byte is read. */
START_TEST (test_services_file_row_40_a_gigabyte)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  ck_assert_int_eq (ftruncate (fd, (off_t) 1 << 30), 0);
  close (fd);
  must_not_read ("1073741824 bytes: 1048576 at most are right");
}
END_TEST

/* Law 8: one that is not ours to read. Root may read all, so it is somebody else who tries. */
START_TEST (test_services_file_row_40_not_ours_to_read)
{
  pid_t child;
  int status;

  ck_assert (g_file_set_contents (path, example, -1, NULL));
  ck_assert_int_eq (chmod (path, 0), 0);
  ck_assert_int_eq (chmod (directory, 0755), 0);
  child = fork ();
  if (child == 0)
    {
      g_autoptr (GError) error = NULL;
      gsize length;

      if (geteuid () == 0 && setresuid (65534, 65534, 65534) != 0)
        _exit (2);
      _exit (tlc_services_file_read (path, &length, NULL, &error) == NULL
                     && g_str_has_suffix (error->message, ": cannot be opened: Permission denied")
                 ? 0
                 : 1);
    }
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("services-file");
  TCase *tests = tcase_create ("text"), *files = tcase_create ("file");

  tcase_add_test (tests, test_services_file_reads);
  tcase_add_loop_test (tests, test_services_file_refuses, 0, G_N_ELEMENTS (mistakes));
  tcase_add_test (tests, test_services_file_tells_all);
  tcase_add_test (tests, test_services_file_tells_all_of_extra_groups);
  tcase_add_test (tests, test_services_file_tells_so_many);
  tcase_add_test (tests, test_services_file_limits);
  tcase_add_loop_test (tests, test_services_file_all_mistakes, 0, 2);
  tcase_add_test (tests, test_services_file_against_gkeyfile);
  tcase_add_test (tests, test_services_file_random_bytes);
  suite_add_tcase (suite, tests);
  tcase_add_checked_fixture (files, setup, teardown);
  tcase_add_test (files, test_services_file_is_got);
  tcase_add_test (files, test_services_file_row_40_what_is_no_file);
  tcase_add_test (files, test_services_file_row_40_a_gigabyte);
  tcase_add_test (files, test_services_file_row_40_not_ours_to_read);
  suite_add_tcase (suite, files);
  return tlc_check_run (suite);
}
