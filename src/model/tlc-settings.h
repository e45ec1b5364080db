/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tlc/config.h"

#include "model/tlc-address.h"

/* The values of a config, parsed: what the library reads. Immutable once made; part of a
 * snapshot. */
typedef enum {
  TLC_PROTOCOL_BINARY,
  TLC_PROTOCOL_COMPACT
} TlcProtocolKind;

typedef enum {
  TLC_TRANSPORT_FRAMED,
  TLC_TRANSPORT_BUFFERED
} TlcTransportKind;

/* What may be sent again when its connection broke. */
typedef enum {
  TLC_RETRY_NEVER,
  TLC_RETRY_UNSENT,    /* what provably never reached a server */
  TLC_RETRY_IDEMPOTENT /* methods that are declared so, too */
} TlcRetryKind;

/* Which endpoint a connection is opened to: see tlc-balance.h. */
typedef enum {
  TLC_BALANCE_SPREAD,
  TLC_BALANCE_LEAST_LOADED,
  TLC_BALANCE_ORDERED
} TlcBalanceKind;

typedef struct {
  GPtrArray *addresses; /* of TlcAddress, at least one, in the order of the text, no two equal */
  TlcProtocolKind protocol;
  TlcTransportKind transport;
  char *multiplexed_name; /* NULL: none */
  gint64 connect_timeout_us;
  gint64 call_timeout_us;
  gint64 check_after_idle_us;
  gint64 claim_timeout_us;
  gint64 hold_timeout_us;
  gint64 close_timeout_us;
  gint64 idle_timeout_us;
  gint64 max_age_us; /* 0: any */
  guint max_connections; /* G_MAXUINT: unlimited */
  guint min_connections;
  guint spare_connections;
  guint max_waiting;
  gboolean keepalive;
  gsize max_message_size;
  gsize max_decoded_size;
  TlcRetryKind retry;
  guint max_attempts;
  guint retry_budget;        /* percent of the calls */
  char **idempotent_methods; /* globs; NULL: none */
  TlcBalanceKind balance;
  guint eject_after;
  gint64 eject_for_us;
  guint max_ejected; /* percent of the endpoints */
  gint64 probe_interval_us;
  gint64 slow_start_us; /* 0: at once */
} TlcSettings;

/* A service's name. */
#define TLC_SETTINGS_SERVICE_NAME_MAX 255
gboolean tlc_settings_check_service_name (const char *name, GError **error);

/* Parses @config whole; every key has been checked by tlc_config_set() already, what is checked
 * here is that nothing is missing ("endpoints") and that the values go together. @service_name
 * is for the message. */
TlcSettings *tlc_settings_new (const TlcConfig *config, const char *service_name, GError **error);
/* The same, that goes on after a mistake, and has each told to @note. */
typedef void (*TlcSettingsNote) (const GError *error, gpointer data);
TlcSettings *tlc_settings_new_noting (const TlcConfig *config, const char *service_name,
                                      TlcSettingsNote note, gpointer data);
/* Whether a service that runs by @before can go on by @after: keys that cannot change while it runs
 * must be the same. */
gboolean tlc_settings_check_change (const TlcSettings *before, const TlcSettings *after,
                                    const char *service_name, GError **error);
/* The keys whose values differ: "endpoints, call-timeout"; "": none. */
char *tlc_settings_list_changes (const TlcSettings *before, const TlcSettings *after);
/* How many connections without a thread are kept, when one exits. */
static inline guint
tlc_settings_max_spare (const TlcSettings *settings)
{
  if (settings->spare_connections == 0)
    return 0;
  return MAX (settings->spare_connections, settings->min_connections);
}

void tlc_settings_free (TlcSettings *settings);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcSettings, tlc_settings_free)
