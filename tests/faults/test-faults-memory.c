/* SPDX-License-Identifier: Apache-2.0 */
/* Memory runs out, docs/faults.md, row 28. As SQLite does it: the n-th allocation fails, for n = 1 on,
 * until all goes well without one.
 *
 * GLib ends the process when it gets no memory, and generated code takes its own from there.
 * What comes from outside, and can be large, is taken so that it may fail: buffers of messages,
 * strings and binaries of a reply, seats. So here allocations fail that are as large as a
 * message's. */

#include <stdio.h>
#include <string.h>

#include "support/tlc-echo.h"
#include "support/tlc-process.h"
#include "support/tlc-shim-malloc.h"

/* What buffers have from the start is smaller. */
#define LEAST 4097
#define LARGE 300000
/* A row of seats, and nothing else that a first call takes. */
#define SEATS_LEAST 1024

typedef gboolean (*Call) (EchoIf *echo, GError **error);

static gboolean
echo_text (EchoIf *echo, GError **error)
{
  static char value[LARGE + 1];
  g_autofree char *result = NULL;

  memset (value, 'x', LARGE);
  if (!echo_if_echo_string (echo, &result, value, error))
    return FALSE;
  ck_assert_str_eq (result, value);
  return TRUE;
}

/* The text within a struct, beside a list. */
static gboolean
echo_struct (EchoIf *echo, GError **error)
{
  static char text[LARGE + 1];
  g_autoptr (GObject) value = g_object_new (TYPE_EVERYTHING, NULL);
  g_autoptr (GObject) result = g_object_new (TYPE_EVERYTHING, NULL);
  Everything *request = EVERYTHING (value), *everything = EVERYTHING (result);
  gboolean is_ok;

  memset (text, 'y', LARGE);
  g_ptr_array_add (request->strings, g_strdup ("a"));
  request->__isset_strings = TRUE;
  request->a_string = text; /* not as a property, which copies it */
  request->__isset_a_string = TRUE;
  is_ok = echo_if_echo_everything (echo, &everything, request, error);
  request->a_string = NULL;
  if (is_ok)
    ck_assert_str_eq (everything->a_string, text);
  return is_ok;
}

static const Call calls[] = { echo_text, echo_struct };

/* How calls ended. */
typedef struct {
  guint n_good, n_not_sent, n_later;
} Ends;

static void
note_end (Ends *ends, gboolean is_ok, const GError *error)
{
  if (is_ok)
    {
      ends->n_good++;
      return;
    }
  ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED), "%s", error->message);
  ck_assert_msg (strstr (error->message, "memory") != NULL, "%s", error->message);
  if (tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT)
    ends->n_not_sent++;
  else
    ends->n_later++;
}

/* @call while its n-th large allocation fails, and those after it if @is_lasting; then a good one.
 * FALSE: there is no n-th. */
static gboolean
call_without_memory (TlcService *service, Call call, long n, gboolean is_lasting, Ends *ends)
{
  EchoIf *echo = tlc_echo_client (service);
  g_autoptr (GError) error = NULL;
  gboolean is_ok;
  long n_made;

  tlc_shim_malloc_set (n, LEAST, is_lasting);
  is_ok = call (echo, &error);
  n_made = tlc_shim_malloc_count ();
  tlc_shim_malloc_set (0, 0, FALSE);
  note_end (ends, is_ok, error);
  tlc_echo_must_add (service);
  return n_made >= n;
}

static void
fail_each (TlcService *service, Call call, Ends *ends)
{
  g_autoptr (GError) error = NULL;

  for (int is_lasting = 0; is_lasting < 2; is_lasting++)
    for (long n = 1; call_without_memory (service, call, n, is_lasting, ends); n++)
      ;
  ck_assert (call (tlc_echo_client (service), &error));
}

/* Law 7: whichever large allocation of a call fails, on the way of its request or of its
 * reply, it is an error that says so, nothing leaks, and the next call is good. */
START_TEST (test_faults_row_28_each_large_allocation_fails)
{
  const char *protocol = _i & 1 ? "compact" : "binary", *transport = _i & 2 ? "buffered" : "framed";
  const char *const args[] = { "--protocol", protocol, "--transport", transport, NULL };
  TlcServer *server = tlc_echo_server (args);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), "protocol", protocol,
                                          "transport", transport, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      Ends ends = { 0 };
      long live;

      fail_each (service, calls[i], &ends);
      live = tlc_shim_malloc_live ();
      fail_each (service, calls[i], &ends);
      ck_assert_int_eq (tlc_shim_malloc_live (), live);
      if (!tlc_shim_malloc_is_there ())
        continue;
      ck_assert_msg (ends.n_not_sent >= 2 && ends.n_later >= 4 && ends.n_good >= 2, "%u %u %u",
                     ends.n_not_sent, ends.n_later, ends.n_good);
      printf ("# %s, %s: %u not sent, %u later, %u good\n", protocol, transport, ends.n_not_sent,
              ends.n_later, ends.n_good);
    }
  fflush (stdout);
  tlc_service_unref (service);
  tlc_thread_detach ();
  tlc_server_stop (server);
}
END_TEST

/* Law 4: a first call that gets no memory for its seats fails without having been sent, and
 * the next one is good. */
START_TEST (test_faults_row_28_no_memory_for_seats)
{
  TlcServer *server = tlc_echo_server (NULL);
  TlcService *service = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  TlcService *other = tlc_echo_service (tlc_server_get_endpoint (server), NULL);
  EchoIf *echo = tlc_echo_client (service);
  g_autoptr (GError) error = NULL;
  gint32 sum = 0;
  gboolean is_ok;

  tlc_echo_must_add (other); /* the process's first call */
  tlc_shim_malloc_set (1, SEATS_LEAST, FALSE);
  is_ok = echo_if_add (echo, &sum, 1, 2, &error);
  tlc_shim_malloc_set (0, 0, FALSE);
  if (tlc_shim_malloc_is_there ())
    {
      ck_assert (!is_ok);
      ck_assert_msg (g_error_matches (error, TLC_ERROR, TLC_ERROR_EXHAUSTED), "%s", error->message);
      ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
    }
  tlc_echo_must_add (service);
  tlc_service_unref (other);
  tlc_service_unref (service);
  tlc_thread_detach ();
  ck_assert (tlc_process_settles (tlc_process_count_library_threads, 0));
  tlc_server_stop (server);
}
END_TEST

static Suite *
new_suite (void)
{
  Suite *suite = suite_create ("faults-memory");
  TCase *tcase = tcase_create ("memory");

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_faults_row_28_each_large_allocation_fails, 0, 4);
  tcase_add_test (tcase, test_faults_row_28_no_memory_for_seats);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return tlc_check_run (new_suite ());
}
