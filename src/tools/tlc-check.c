/* SPDX-License-Identifier: Apache-2.0 */

/* tlc check: is the file right, what do its names stand for, and who answers there. All endpoints are
 * connected to at once, each by its service's connect-timeout, and nothing is sent. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "connect/tlc-dial.h"
#include "connect/tlc-socket.h"
#include "keeper/tlc-resolver.h"
#include "model/tlc-clock.h"
#include "model/tlc-services-file.h"

#include "tlc-commands.h"

/* So many sockets are open at a time. */
#define TLC_CHECK_SOCKETS_MAX 256
/* What could not be begun is tried again after so long. */
#define TLC_CHECK_AGAIN_US 2000
#define TLC_CHECK_TIMEOUT_MAX_MS (3600 * 1000)

/* One address of one service. */
typedef struct {
  const char *service;
  char *text;           /* "tcp://10.0.0.7:9090 (db.example)" */
  TlcEndpoint *endpoint; /* NULL: the name stands for nothing */
  TlcSettings *settings; /* the service's; a copy */
  int fd;                /* -1: not begun, or over */
  gint64 begun_us, took_us;
  char *problem;         /* NULL: it has connected, or has not been tried */
} TlcProbe;

typedef struct {
  const char *path;
  gboolean is_json, is_dry, any_will_do;
  int timeout_ms; /* -1: as the file says */
  GPtrArray *probes; /* of TlcProbe, in the order of the file */
} TlcCheck;

static void
tlc_probe_free (gpointer data)
{
  TlcProbe *probe = data;

  g_free (probe->text);
  tlc_endpoint_unref (probe->endpoint);
  tlc_settings_free (probe->settings);
  g_free (probe->problem);
  g_free (probe);
}

static TlcProbe *
tlc_check_add (TlcCheck *check, const TlcFileService *service, const char *text)
{
  TlcProbe *probe = g_new0 (TlcProbe, 1);

  probe->service = service->name;
  probe->text = g_strdup (text);
  probe->settings = tlc_settings_new (service->config, service->name, NULL);
  probe->fd = -1;
  g_ptr_array_add (check->probes, probe);
  return probe;
}

static void
tlc_check_add_answer (TlcCheck *check, const TlcFileService *service, const TlcAddress *name,
                      const TlcAnswer *answer)
{
  if (answer->error != NULL)
    {
      tlc_check_add (check, service, name->text)->problem = g_strdup (answer->error->message);
      return;
    }
  for (guint i = 0; i < answer->addresses->len; i++)
    {
      const TlcAddress *address = answer->addresses->pdata[i];

      tlc_check_add (check, service, address->text)->endpoint
          = tlc_endpoint_new (tlc_address_copy (address));
    }
}

static void
tlc_check_resolve (TlcCheck *check, const TlcServicesFile *file)
{
  g_autoptr (GPtrArray) answers = NULL;
  guint at = 0;

  tlc_worker_hold ();
  answers = tlc_resolver_ask (file->addresses,
                              tlc_clock_now_us () + TLC_RESOLVER_TIMEOUT_MS * 1000);
  for (guint i = 0; i < file->services->len; i++)
    {
      const TlcFileService *service = file->services->pdata[i];

      for (guint j = 0; j < service->n_addresses; j++, at++)
        tlc_check_add_answer (check, service, file->addresses->pdata[at], answers->pdata[at]);
    }
}

/* --- connecting --- */

static gint64
tlc_check_get_deadline (const TlcCheck *check, const TlcProbe *probe)
{
  return probe->begun_us
         + (check->timeout_ms >= 0 ? (gint64) check->timeout_ms * 1000
                                  : probe->settings->connect_timeout_us);
}

/* FALSE: another time, since our own files are used up, or the backlog of a UNIX socket is full. */
static gboolean
tlc_probe_begin (const TlcCheck *check, TlcProbe *probe, gboolean is_alone)
{
  gint64 now_us = tlc_clock_now_us ();
  int error;

  if (probe->begun_us == 0)
    probe->begun_us = now_us;
  probe->fd = tlc_dial_begin (probe->endpoint);
  if (probe->fd >= 0)
    return TRUE;
  error = errno;
  if ((error == EAGAIN && now_us < tlc_check_get_deadline (check, probe))
      || ((error == EMFILE || error == ENFILE) && !is_alone))
    return FALSE;
  probe->problem = g_strdup (g_strerror (error));
  return TRUE;
}

static void
tlc_probe_end (TlcProbe *probe)
{
  TlcConnection *connection = tlc_dial_end (probe->fd, probe->endpoint, probe->settings);

  if (connection == NULL)
    probe->problem = g_strdup (g_strerror (errno));
  else
    tlc_connection_close (connection);
  probe->took_us = tlc_clock_now_us () - probe->begun_us;
  probe->fd = -1;
}

static void
tlc_probe_give_up (TlcProbe *probe)
{
  probe->took_us = tlc_clock_now_us () - probe->begun_us;
  probe->problem = g_strdup_printf ("no connection within %" G_GINT64_FORMAT " ms",
                                    probe->took_us / 1000);
  tlc_socket_close (probe->fd);
  probe->fd = -1;
}

/* Until one of them is through, or too late; or, where @others are to begin, it may be tried again. */
static void
tlc_check_wait (const TlcCheck *check, TlcProbe **probes, guint n, gboolean others)
{
  struct pollfd polled[TLC_CHECK_SOCKETS_MAX];
  gint64 deadline_us = G_MAXINT64, now_us = tlc_clock_now_us ();

  for (guint i = 0; i < n; i++)
    {
      polled[i] = (struct pollfd){ .fd = probes[i]->fd, .events = POLLOUT };
      deadline_us = MIN (deadline_us, tlc_check_get_deadline (check, probes[i]));
    }
  if (others)
    deadline_us = MIN (deadline_us, now_us + TLC_CHECK_AGAIN_US);
  poll (polled, n, (int) MIN (MAX (deadline_us - now_us, 0) / 1000 + 1, TLC_CHECK_TIMEOUT_MAX_MS));
  for (guint i = 0; i < n; i++)
    if (polled[i].revents != 0)
      tlc_probe_end (probes[i]);
    else if (tlc_clock_now_us () >= tlc_check_get_deadline (check, probes[i]))
      tlc_probe_give_up (probes[i]);
}

/* Begins with those that are to come, from *@next on, as long as there is room. */
static guint
tlc_check_begin_some (TlcCheck *check, guint *next, TlcProbe **under_way, guint n)
{
  for (; *next < check->probes->len && n < TLC_CHECK_SOCKETS_MAX; (*next)++)
    {
      TlcProbe *probe = check->probes->pdata[*next];

      if (probe->endpoint == NULL)
        continue;
      if (!tlc_probe_begin (check, probe, n == 0))
        return n;
      if (probe->fd >= 0)
        under_way[n++] = probe;
    }
  return n;
}

static void
tlc_check_connect (TlcCheck *check)
{
  TlcProbe *under_way[TLC_CHECK_SOCKETS_MAX];
  guint next = 0, n = 0;

  while (next < check->probes->len || n > 0)
    {
      guint n_left = 0;

      n = tlc_check_begin_some (check, &next, under_way, n);
      if (n > 0)
        tlc_check_wait (check, under_way, n, next < check->probes->len);
      else if (next < check->probes->len)
        g_usleep (TLC_CHECK_AGAIN_US);
      for (guint i = 0; i < n; i++)
        if (under_way[i]->fd >= 0)
          under_way[n_left++] = under_way[i];
      n = n_left;
    }
}

/* --- telling --- */

static char *
tlc_check_describe (const TlcCheck *check, const TlcProbe *probe)
{
  if (probe->problem != NULL)
    return g_strdup (probe->problem);
  return check->is_dry ? g_strdup ("not tried")
                       : g_strdup_printf ("connected in %.1f ms", (double) probe->took_us / 1000);
}

static gboolean
tlc_check_print_table (const TlcCheck *check)
{
  g_autoptr (GString) text = g_string_new (NULL);
  int service_width = 7, text_width = 8;

  for (guint i = 0; i < check->probes->len; i++)
    {
      const TlcProbe *probe = check->probes->pdata[i];

      service_width = MAX (service_width, (int) strlen (probe->service));
      text_width = MAX (text_width, (int) strlen (probe->text));
    }
  g_string_append_printf (text, "%-*s  %-*s  RESULT\n", service_width, "SERVICE", text_width,
                          "ENDPOINT");
  for (guint i = 0; i < check->probes->len; i++)
    {
      const TlcProbe *probe = check->probes->pdata[i];
      g_autofree char *result = tlc_check_describe (check, probe);

      g_string_append_printf (text, "%-*s  %-*s  %s\n", service_width, probe->service, text_width,
                              probe->text, result);
    }
  return tlc_command_print (text->str);
}

static void
tlc_check_append_probe (const TlcCheck *check, GString *json, const TlcProbe *probe)
{
  gboolean is_connected = probe->problem == NULL && !check->is_dry;

  g_string_append (json, json->str[json->len - 1] == '[' ? "\n    {" : ",\n    {");
  tlc_json_name (json, "service");
  tlc_json_append (json, probe->service);
  tlc_json_name (json, "endpoint");
  tlc_json_append (json, probe->text);
  tlc_json_name (json, "connected");
  g_string_append (json, is_connected ? "true" : "false");
  tlc_json_name (json, "us");
  if (is_connected)
    g_string_append_printf (json, "%" G_GINT64_FORMAT, probe->took_us);
  else
    g_string_append (json, "null");
  tlc_json_name (json, "error");
  tlc_json_append (json, probe->problem);
  g_string_append_c (json, '}');
}

static void
tlc_check_append_errors (GString *json, const GError *error)
{
  g_auto (GStrv) lines = g_strsplit (error != NULL ? error->message : "", "\n", -1);

  for (guint i = 0; error != NULL && lines[i] != NULL; i++)
    {
      g_string_append (json, i > 0 ? ",\n    " : "\n    ");
      tlc_json_append (json, lines[i]);
    }
}

static gboolean
tlc_check_print_json (const TlcCheck *check, const GError *error, gboolean is_good)
{
  g_autoptr (GString) json = g_string_new ("{");

  tlc_json_name (json, "file");
  tlc_json_append (json, check->path);
  tlc_json_name (json, "ok");
  g_string_append (json, is_good ? "true" : "false");
  tlc_json_name (json, "errors");
  g_string_append_c (json, '[');
  tlc_check_append_errors (json, error);
  g_string_append (json, "],\n  \"endpoints\": [");
  for (guint i = 0; i < check->probes->len; i++)
    tlc_check_append_probe (check, json, check->probes->pdata[i]);
  g_string_append (json, "]}\n");
  return tlc_command_print (json->str);
}

/* Whether another endpoint of the same service has nothing wrong with it. */
static gboolean
tlc_check_has_other (const TlcCheck *check, const char *service)
{
  for (guint i = 0; i < check->probes->len; i++)
    {
      const TlcProbe *probe = check->probes->pdata[i];

      if (probe->problem == NULL && g_str_equal (probe->service, service))
        return TRUE;
    }
  return FALSE;
}

static gboolean
tlc_check_is_good (const TlcCheck *check)
{
  for (guint i = 0; i < check->probes->len; i++)
    {
      const TlcProbe *probe = check->probes->pdata[i];

      if (probe->problem != NULL
          && !(check->any_will_do && tlc_check_has_other (check, probe->service)))
        return FALSE;
    }
  return TRUE;
}

/* The exit status. */
static int
tlc_check_run (TlcCheck *check)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcServicesFile) file = tlc_services_file_load (check->path, &error);
  gboolean is_good, is_told = TRUE;

  if (file != NULL)
    tlc_check_resolve (check, file);
  if (!check->is_dry)
    tlc_check_connect (check);
  is_good = file != NULL && tlc_check_is_good (check);
  if (check->is_json)
    is_told = tlc_check_print_json (check, error, is_good);
  else if (file != NULL)
    is_told = tlc_check_print_table (check);
  else
    g_printerr ("%s\n", error->message);
  g_ptr_array_set_size (check->probes, 0); /* they have names of the file's */
  if (!is_told)
    return TLC_COMMAND_TROUBLE;
  return is_good ? 0 : 1;
}

int
tlc_command_check (int argc, char **argv)
{
  TlcCheck check = { .timeout_ms = -1 };
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &check.is_json, "Write JSON", NULL },
    { "no-connect", 0, 0, G_OPTION_ARG_NONE, &check.is_dry, "Resolve names, and connect to nothing", NULL },
    { "any", 0, 0, G_OPTION_ARG_NONE, &check.any_will_do, "One endpoint of each service will do", NULL },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &check.timeout_ms, "Connect within MS, not connect-timeout", "MS" },
    G_OPTION_ENTRY_NULL
  };
  GOptionContext *context
      = g_option_context_new ("FILE - is it right, and who answers at its endpoints");
  int status;

  g_option_context_set_summary (
      context, "Exit status: 0, all is well; 1, the file is wrong, or an endpoint does not answer; "
               "2, trouble.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!tlc_command_parse (context, &argc, &argv, 1))
    return TLC_COMMAND_TROUBLE;
  if (check.timeout_ms != -1 && (check.timeout_ms < 1 || check.timeout_ms > TLC_CHECK_TIMEOUT_MAX_MS))
    {
      g_printerr ("tlc: --timeout=%d: 1 to %d ms are right\n", check.timeout_ms,
                  TLC_CHECK_TIMEOUT_MAX_MS);
      return TLC_COMMAND_TROUBLE;
    }
  check.path = argv[1];
  check.probes = g_ptr_array_new_with_free_func (tlc_probe_free);
  status = tlc_check_run (&check);
  g_ptr_array_unref (check.probes);
  return status;
}
