/* SPDX-License-Identifier: Apache-2.0 */

/* tlc keys: the table of settings. */
#include "model/tlc-settings-table.h"

#include "tlc-commands.h"

static void
tlc_keys_append_json (GString *json, const TlcSetting *setting)
{
  g_autofree char *values = setting->type->describe (setting);

  g_string_append (json, json->str[json->len - 1] == '[' ? "\n  {" : ",\n  {");
  tlc_json_name (json, "key");
  tlc_json_append (json, setting->key);
  tlc_json_name (json, "values");
  tlc_json_append (json, values);
  tlc_json_name (json, "default");
  tlc_json_append (json, setting->default_text);
  tlc_json_name (json, "changes-while-running");
  g_string_append (json, setting->reconfigurable ? "true" : "false");
  tlc_json_name (json, "help");
  tlc_json_append (json, setting->help);
  g_string_append_c (json, '}');
}

/* What docs/settings.md marks as code is plain here. */
static char *
tlc_keys_strip (char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "`", -1);

  g_free (text);
  return g_strjoinv ("", parts);
}

static void
tlc_keys_append_text (GString *text, const TlcSetting *setting)
{
  g_autofree char *values = tlc_keys_strip (setting->type->describe (setting));
  g_autofree char *help = tlc_keys_strip (g_strdup (setting->help));

  g_string_append_printf (text, "%s = %s%s\n    %s\n    %s\n\n", setting->key,
                          setting->default_text != NULL ? setting->default_text : "(to be set)",
                          setting->reconfigurable ? "" : "    (not while the service runs)", values,
                          help);
}

int
tlc_command_keys (int argc, char **argv)
{
  gboolean is_json = FALSE;
  const GOptionEntry entries[]
      = { { "json", 0, 0, G_OPTION_ARG_NONE, &is_json, "Write JSON", NULL }, G_OPTION_ENTRY_NULL };
  GOptionContext *context = g_option_context_new ("- the keys of a service, with their defaults");
  g_autoptr (GString) text = g_string_new (NULL);
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  g_option_context_add_main_entries (context, entries, NULL);
  if (!tlc_command_parse (context, &argc, &argv, 0))
    return TLC_COMMAND_TROUBLE;
  if (is_json)
    g_string_append_c (text, '[');
  for (guint i = 0; i < n_settings; i++)
    if (is_json)
      tlc_keys_append_json (text, &table[i]);
    else
      tlc_keys_append_text (text, &table[i]);
  if (is_json)
    g_string_append (text, "\n]\n");
  return tlc_command_print (text->str) ? 0 : TLC_COMMAND_TROUBLE;
}
