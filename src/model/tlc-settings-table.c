/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of settings: every key, with its type, default, range and help, once.
 *
 * Configs, the parsed settings and docs/settings.md are made from it. A key that is not in it
 * does not exist, and one that is works. To add one: a field in TlcSettings, a row here, and a
 * run of the settings test with TLC_UPDATE_DOCS=1. All of it is constant. / */
#include "model/tlc-settings-table.h"

#include <stddef.h>
#include <string.h>

#include "model/tlc-error-private.h"
#include "model/tlc-text.h"

#define TLC_MS G_GINT64_CONSTANT (1000) /* us */
#define TLC_HOUR (3600 * 1000 * TLC_MS)
#define TLC_KIB G_GINT64_CONSTANT (1024)
#define TLC_GIB (1024 * 1024 * TLC_KIB)

/* Indexed by the enumeration. */
static const char *const tlc_protocol_choices[] = {
  [TLC_PROTOCOL_BINARY] = "binary",
  [TLC_PROTOCOL_COMPACT] = "compact",
  NULL,
};
static const char *const tlc_transport_choices[] = {
  [TLC_TRANSPORT_FRAMED] = "framed",
  [TLC_TRANSPORT_BUFFERED] = "buffered",
  NULL,
};

static const char *const tlc_retry_choices[] = {
  [TLC_RETRY_NEVER] = "never",
  [TLC_RETRY_UNSENT] = "unsent",
  [TLC_RETRY_IDEMPOTENT] = "idempotent",
  NULL,
};

static const char *const tlc_balance_choices[] = {
  [TLC_BALANCE_SPREAD] = "spread",
  [TLC_BALANCE_LEAST_LOADED] = "least-loaded",
  [TLC_BALANCE_ORDERED] = "ordered",
  NULL,
};

static const TlcSetting tlc_settings[] = {
  {
      .key = "endpoints",
      .type = &tlc_endpoints_type,
      .example = "tcp://127.0.0.1:9090",
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, addresses),
      .help = "Where the service's servers are. A host name stands for each of its addresses.",
  },
  {
      .key = "protocol",
      .type = &tlc_choice_type,
      .default_text = "binary",
      .choices = tlc_protocol_choices,
      .offset = offsetof (TlcSettings, protocol),
      .help = "The Thrift protocol that the servers speak.",
  },
  {
      .key = "transport",
      .type = &tlc_choice_type,
      .default_text = "framed",
      .choices = tlc_transport_choices,
      .offset = offsetof (TlcSettings, transport),
      .help = "The Thrift transport that the servers speak.",
  },
  {
      .key = "multiplexed-name",
      .type = &tlc_name_type,
      .default_text = "none",
      .offset = offsetof (TlcSettings, multiplexed_name),
      .help = "The name of the service where servers offer several on one port.",
  },
  {
      .key = "connect-timeout",
      .type = &tlc_duration_type,
      .default_text = "1s",
      .min = TLC_MS,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, connect_timeout_us),
      .help = "How long connecting may take, shared among the endpoints that are tried.",
  },
  {
      .key = "call-timeout",
      .type = &tlc_duration_type,
      .default_text = "5s",
      .min = TLC_MS,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, call_timeout_us),
      .help = "How long a call may take, whatever it waits for: connecting, sending, the reply.",
  },
  {
      .key = "claim-timeout",
      .type = &tlc_duration_type,
      .default_text = "1s",
      .min = TLC_MS,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, claim_timeout_us),
      .help
      = "How long a call may wait for a connection where max-connections are in use; part of "
        "call-timeout.",
  },
  {
      .key = "hold-timeout",
      .type = &tlc_duration_type,
      .default_text = "30s",
      .min = TLC_MS,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, hold_timeout_us),
      .help
      = "How long a thread may hold a connection by tlc_client_hold(); then the connection is "
        "closed.",
  },
  {
      .key = "close-timeout",
      .type = &tlc_duration_type,
      .default_text = "10s",
      .min = TLC_MS,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, close_timeout_us),
      .help
      = "How long calls that are under way may go on when the service is closed; then they are cut.",
  },
  {
      .key = "max-connections",
      .type = &tlc_limit_type,
      .default_text = "unlimited",
      .min = 1,
      .max = TLC_SETTING_CONNECTIONS_MAX,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_connections),
      .help
      = "How many connections may be open at once. Unlimited: each thread has its own. Fewer than "
        "threads: they take turns, first come, first served. 1: locked access.",
  },
  {
      .key = "min-connections",
      .type = &tlc_count_type,
      .default_text = "0",
      .min = 0,
      .max = TLC_SETTING_CONNECTIONS_MAX,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, min_connections),
      .help
      = "How many connections are opened in advance and kept open, for threads to come. Not more "
        "than max-connections.",
  },
  {
      .key = "spare-connections",
      .type = &tlc_count_type,
      .default_text = "8",
      .min = 0,
      .max = TLC_SETTING_CONNECTIONS_MAX,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, spare_connections),
      .help
      = "How many connections of threads that have exited are kept for threads to come.",
  },
  {
      .key = "max-waiting",
      .type = &tlc_count_type,
      .default_text = "1024",
      .min = 0,
      .max = 1000000,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_waiting),
      .help = "How many calls may wait for a connection at once; one more fails.",
  },
  {
      .key = "idle-timeout",
      .type = &tlc_duration_type,
      .default_text = "1m",
      .min = TLC_MS,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, idle_timeout_us),
      .help
      = "A connection that nobody used for so long is closed, but for min-connections of them.",
  },
  {
      .key = "max-age",
      .type = &tlc_duration_type,
      .default_text = "0",
      .min = 0,
      .max = 30 * 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_age_us),
      .help
      = "A connection that is older is closed between two calls, so that all come to a server that "
        "was added, or to where a name leads now. Each at a moment of its own between nine tenths of "
        "it and all. 0: never for its age.",
  },
  {
      .key = "check-after-idle",
      .type = &tlc_duration_type,
      .default_text = "1s",
      .min = 1,
      .max = 24 * TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, check_after_idle_us),
      .help
      = "A connection that nobody used for so long is looked at before it carries a request: one "
        "that its peer has closed is replaced.",
  },
  {
      .key = "keepalive",
      .type = &tlc_boolean_type,
      .default_text = "true",
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, keepalive),
      .help = "Whether TCP probes silent connections, to find those whose peer is gone.",
  },
  {
      .key = "max-message-size",
      .type = &tlc_size_type,
      .default_text = "16MiB",
      .min = TLC_KIB,
      .max = TLC_GIB,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_message_size),
      .help = "The largest request or reply, as bytes on the wire.",
  },
  {
      .key = "max-decoded-size",
      .type = &tlc_size_type,
      .default_text = "128MiB",
      .min = TLC_KIB,
      .max = TLC_GIB,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_decoded_size),
      .help
      = "What one reply may grow to in memory, as estimated: few bytes on the wire can be many "
        "objects.",
  },
  {
      .key = "retry",
      .type = &tlc_choice_type,
      .default_text = "unsent",
      .choices = tlc_retry_choices,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, retry),
      .help
      = "What is sent again, on another connection, when one breaks: nothing; requests of which "
        "nothing was sent; those of idempotent methods, too, as long as no byte of their reply has "
        "come.",
  },
  {
      .key = "max-attempts",
      .type = &tlc_count_type,
      .default_text = "2",
      .min = 1,
      .max = 10,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_attempts),
      .help = "How often a request may be sent in all, within call-timeout.",
  },
  {
      .key = "retry-budget",
      .type = &tlc_percent_type,
      .default_text = "20%",
      .min = 0,
      .max = 100,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, retry_budget),
      .help
      = "How many retries there may be for a hundred calls, so that they cannot multiply an outage; "
        "and ten a second besides, unless it is 0%. What was not sent since its connection had been "
        "closed while idle costs nothing.",
  },
  {
      .key = "idempotent-methods",
      .type = &tlc_globs_type,
      .default_text = "none",
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, idempotent_methods),
      .help = "The methods that may run twice without harm, for retry = idempotent.",
  },
  {
      .key = "balance",
      .type = &tlc_choice_type,
      .default_text = "spread",
      .choices = tlc_balance_choices,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, balance),
      .help
      = "Which endpoints connections lead to: evenly to all, by their weights; rather to those that "
        "have fewer calls in flight and answer sooner; to the first that works, and back to it when it "
        "works again.",
  },
  {
      .key = "eject-after",
      .type = &tlc_count_type,
      .default_text = "5",
      .min = 1,
      .max = 1000,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, eject_after),
      .help
      = "After so many failures in a row an endpoint is ejected: connections that did not come up or "
        "were lost, calls that timed out.",
  },
  {
      .key = "eject-for",
      .type = &tlc_duration_type,
      .default_text = "1s",
      .min = TLC_MS,
      .max = TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, eject_for_us),
      .help
      = "For how long it then takes no calls, the first time; twice as long each time in a row, up to a "
        "minute, and up to a quarter less, by chance; longer while probes find it unreachable.",
  },
  {
      .key = "max-ejected",
      .type = &tlc_percent_type,
      .default_text = "50%",
      .min = 0,
      .max = 100,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, max_ejected),
      .help
      = "How many of the endpoints may be ejected at once; of several at least one, unless it is 0%.",
  },
  {
      .key = "probe-interval",
      .type = &tlc_duration_type,
      .default_text = "500ms",
      .min = TLC_MS,
      .max = TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, probe_interval_us),
      .help
      = "How often it is tried whether an endpoint that is ejected can be connected to, which ends the "
        "ejection.",
  },
  {
      .key = "slow-start",
      .type = &tlc_duration_type,
      .default_text = "10s",
      .min = 0,
      .max = TLC_HOUR,
      .reconfigurable = TRUE,
      .offset = offsetof (TlcSettings, slow_start_us),
      .help
      = "How long it takes until an endpoint that is new, or was ejected, has its whole share. 0: none.",
  },
};

const TlcSetting *
tlc_settings_table (guint *ret_n_settings)
{
  *ret_n_settings = G_N_ELEMENTS (tlc_settings);
  return tlc_settings;
}

const TlcSetting *
tlc_setting_peek (const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (tlc_settings); i++)
    if (g_str_equal (tlc_settings[i].key, key))
      return &tlc_settings[i];
  return NULL;
}

/* The known key that @key was probably meant to be: at most a third of it differs. */
static const char *
tlc_setting_find_nearest (const char *key)
{
  const char *nearest = NULL;
  guint least = G_MAXUINT;

  for (gsize i = 0; i < G_N_ELEMENTS (tlc_settings); i++)
    {
      guint distance = tlc_text_distance (key, tlc_settings[i].key);

      if (distance < least && distance <= strlen (tlc_settings[i].key) / 3)
        {
          nearest = tlc_settings[i].key;
          least = distance;
        }
    }
  return nearest;
}

const TlcSetting *
tlc_setting_find (const char *key, const char *value, GError **error)
{
  const TlcSetting *setting = tlc_setting_peek (key);

  if (setting != NULL)
    return setting;

  g_autofree char *shown_key = tlc_text_escape (key);
  g_autofree char *shown_value = tlc_text_escape (value);
  const char *nearest = tlc_setting_find_nearest (key);

  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                 "%s = \"%s\": unknown key; %s%s%sdocs/settings.md lists the keys", shown_key,
                 shown_value, nearest != NULL ? "did you mean " : "",
                 nearest != NULL ? nearest : "", nearest != NULL ? "? " : "");
  return NULL;
}

gboolean
tlc_setting_parse (const TlcSetting *setting, const char *text, TlcSettings *settings,
                   GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (strnlen (text, TLC_SETTING_VALUE_MAX + 1) > TLC_SETTING_VALUE_MAX)
    tlc_text_refuse (&reason, text, "a value is at most %d bytes long", TLC_SETTING_VALUE_MAX);
  else if (setting->type->parse (setting, text, (char *) settings + setting->offset, &reason))
    return TRUE;

  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT, "%s = %s", setting->key,
                 reason->message);
  return FALSE;
}

char *
tlc_setting_canonicalize (const TlcSetting *setting, const char *text, GError **error)
{
  g_autoptr (TlcSettings) scratch = g_new0 (TlcSettings, 1);

  if (!tlc_setting_parse (setting, text, scratch, error))
    return NULL;
  return setting->type->format (setting, (const char *) scratch + setting->offset);
}
