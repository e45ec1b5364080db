/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: the parsed form of a config, and the docs page of the table that both are made from.
 *
 * Immutable once made; a snapshot owns them, and any thread that has the snapshot reads them.
 */
#include "model/tlc-settings.h"

#include <string.h>

#include "model/tlc-error-private.h"
#include "model/tlc-settings-table.h"
#include "model/tlc-text.h"

static gboolean
tlc_settings_fill (TlcSettings *settings, const TlcConfig *config, const TlcSetting *setting,
                   GError **error)
{
  const char *text = tlc_config_peek (config, setting);

  if (text == NULL)
    {
      tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                     "%s: not set; it has no default: give a value such as %s = %s", setting->key,
                     setting->key, setting->example);
      return FALSE;
    }
  /* Checked when it was set; but an address may name an interface that has gone since. */
  return tlc_setting_parse (setting, text, settings, error);
}

/* Values that are good each by itself, and not together. */
static gboolean
tlc_settings_check_whole (const TlcSettings *settings, const char *service_name, GError **error)
{
  if (settings->min_connections <= settings->max_connections)
    return TRUE;
  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                 "service %s: min-connections = \"%u\": more than max-connections = \"%u\": make it "
                 "%u or less",
                 service_name, settings->min_connections, settings->max_connections,
                 settings->max_connections);
  return FALSE;
}

gboolean
tlc_settings_check_service_name (const char *name, GError **error)
{
  gsize length = strlen (name);
  gboolean is_good = length > 0 && length <= TLC_SETTINGS_SERVICE_NAME_MAX;

  for (gsize i = 0; is_good && i < length; i++)
    is_good = g_ascii_isgraph (name[i]);
  if (!is_good)
    {
      g_autofree char *shown = tlc_text_escape (name);

      tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                     "service name \"%s\": 1 to %d printable ASCII characters without spaces are right",
                     shown, TLC_SETTINGS_SERVICE_NAME_MAX);
    }
  return is_good;
}

TlcSettings *
tlc_settings_new_noting (const TlcConfig *config, const char *service_name, TlcSettingsNote note,
                         gpointer data)
{
  g_autoptr (TlcSettings) settings = g_new0 (TlcSettings, 1);
  gboolean is_good = TRUE;
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  for (guint i = 0; i <= n_settings; i++)
    {
      g_autoptr (GError) error = NULL;

      /* What does not go together, of that which is good by itself. */
      if (i == n_settings ? !is_good || tlc_settings_check_whole (settings, service_name, &error)
                          : tlc_settings_fill (settings, config, &table[i], &error))
        continue;
      is_good = FALSE;
      if (i < n_settings)
        g_prefix_error (&error, "service %s: ", service_name);
      note (error, data);
    }
  return is_good ? g_steal_pointer (&settings) : NULL;
}

/* The first. */
static void
tlc_settings_keep_error (const GError *error, gpointer data)
{
  GError **kept = data;

  if (kept != NULL && *kept == NULL)
    *kept = g_error_copy (error);
}

TlcSettings *
tlc_settings_new (const TlcConfig *config, const char *service_name, GError **error)
{
  return tlc_settings_new_noting (config, service_name, tlc_settings_keep_error, error);
}

static char *
tlc_settings_format (const TlcSettings *settings, const TlcSetting *setting)
{
  return setting->type->format (setting, (const char *) settings + setting->offset);
}

char *
tlc_settings_list_changes (const TlcSettings *before, const TlcSettings *after)
{
  GString *keys = g_string_new (NULL);
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  for (guint i = 0; i < n_settings; i++)
    {
      g_autofree char *was = tlc_settings_format (before, &table[i]);
      g_autofree char *is = tlc_settings_format (after, &table[i]);

      if (g_strcmp0 (was, is) != 0)
        g_string_append_printf (keys, "%s%s", keys->len > 0 ? ", " : "", table[i].key);
    }
  return g_string_free (keys, FALSE);
}

static gboolean
tlc_settings_check_key (const TlcSettings *before, const TlcSettings *after,
                        const TlcSetting *setting, const char *service_name, GError **error)
{
  g_autofree char *is = tlc_settings_format (before, setting);
  g_autofree char *was_asked = tlc_settings_format (after, setting);

  if (g_strcmp0 (is, was_asked) == 0)
    return TRUE;
  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT,
                 "service %s: %s = \"%s\": cannot change while the service runs: leave it at %s, or "
                 "make another service",
                 service_name, setting->key, was_asked, is);
  return FALSE;
}

gboolean
tlc_settings_check_change (const TlcSettings *before, const TlcSettings *after,
                           const char *service_name, GError **error)
{
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  for (guint i = 0; i < n_settings; i++)
    if (!table[i].reconfigurable
        && !tlc_settings_check_key (before, after, &table[i], service_name, error))
      return FALSE;
  return TRUE;
}

void
tlc_settings_free (TlcSettings *settings)
{
  if (settings == NULL)
    return;
  g_clear_pointer (&settings->addresses, g_ptr_array_unref);
  g_clear_pointer (&settings->multiplexed_name, g_free);
  g_clear_pointer (&settings->idempotent_methods, g_strfreev);
  g_free (settings);
}

static const char tlc_settings_introduction[] =
    "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
    "<!-- Made from the table in src/model/tlc-settings-table.c by the settings test with\n"
    "     TLC_UPDATE_DOCS=1. Do not edit. -->\n"
    "# Settings\n"
    "\n"
    "The keys of a service, the same for `tlc_config_set()`, for files and for everything else that reads "
    "settings.\n"
    "A value that is not right is refused when it is set, with what would be, and changes "
    "nothing.\n"
    "\n"
    "A file, as `tlc_registry_load()` takes it, has a group for each service, whose name is the group's, "
    "and one\n"
    "called `defaults`, whose keys hold for every service that does not set them. Lines are groups, keys, "
    "comments\n"
    "(`#`) or empty; a group or a key that comes twice is a mistake. UTF-8, 1 MiB and 1024 groups at most.\n"
    "`tlc check` tells what is wrong with one.\n"
    "\n"
    "    [defaults]\n"
    "    call-timeout = 250ms\n"
    "\n"
    "    [echo]\n"
    "    endpoints = tcp://10.0.0.7:9090, tcp://10.0.0.8:9090\n"
    "\n"
    "- A **list** has its items separated by commas, spaces or both.\n"
    "- A **duration** is a number and a unit, `us` `ms` `s` `m` or `h`: `250ms`, `1.5s`. A number "
    "without a\n"
    "  unit is refused, and so is what is no whole number of microseconds.\n"
    "- A **size** is a whole number of bytes, or of `KiB` or `MiB`: `65536`, `16MiB`.\n"
    "- `tcp://[fe80::1%eth0]:9090` is how a link-local address is written; an abstract name or a "
    "path of a\n"
    "  unix socket has at most 107 bytes.\n"
    "- `tlc_config_get()` returns one text for each value: `1500ms` for `1.5s`, `16MiB` for "
    "`16777216`.\n"
    "\n"
    "The last column says whether the key is one that may change while a service runs.\n"
    "\n"
    "| key | values | default | meaning | while running |\n"
    "| --- | --- | --- | --- | --- |\n";

static void
tlc_settings_describe_row (GString *page, const TlcSetting *setting)
{
  g_autofree char *values = setting->type->describe (setting);

  g_string_append_printf (page, "| `%s` | %s | ", setting->key, values);
  if (setting->default_text != NULL)
    g_string_append_printf (page, "`%s`", setting->default_text);
  else
    g_string_append (page, "none: it must be set");
  g_string_append_printf (page, " | %s | %s |\n", setting->help,
                          setting->reconfigurable ? "yes" : "no");
}

char *
tlc_settings_describe (void)
{
  GString *page = g_string_new (tlc_settings_introduction);
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  for (guint i = 0; i < n_settings; i++)
    tlc_settings_describe_row (page, &table[i]);
  return g_string_free (page, FALSE);
}
