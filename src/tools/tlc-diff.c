/* SPDX-License-Identifier: Apache-2.0 */

/* tlc diff: what loading one file over another would change. */
#include "model/tlc-services-file.h"
#include "model/tlc-settings-table.h"

#include "tlc-commands.h"

typedef struct {
  gboolean is_json;
  GString *text;
  guint n_changes;
} TlcDiff;

static void
tlc_diff_begin (TlcDiff *diff, const char *service, const char *what)
{
  diff->n_changes++;
  if (!diff->is_json)
    {
      g_string_append_printf (diff->text, "%s: %s\n", service, what);
      return;
    }
  g_string_append (diff->text, diff->n_changes > 1 ? ",\n  {" : "\n  {");
  tlc_json_name (diff->text, "service");
  tlc_json_append (diff->text, service);
  tlc_json_name (diff->text, "change");
  tlc_json_append (diff->text, what);
}

static void
tlc_diff_end (TlcDiff *diff)
{
  if (diff->is_json)
    g_string_append_c (diff->text, '}');
}

static void
tlc_diff_add_key (TlcDiff *diff, const char *service, const TlcSetting *setting, const char *was,
                  const char *is)
{
  g_autofree char *what
      = g_strdup_printf ("%s: %s -> %s%s", setting->key, was, is,
                         setting->reconfigurable ? "" : " (not while the service runs)");

  tlc_diff_begin (diff, service, diff->is_json ? "changed" : what);
  if (diff->is_json)
    {
      tlc_json_name (diff->text, "key");
      tlc_json_append (diff->text, setting->key);
      tlc_json_name (diff->text, "old");
      tlc_json_append (diff->text, was);
      tlc_json_name (diff->text, "new");
      tlc_json_append (diff->text, is);
      tlc_json_name (diff->text, "while-running");
      g_string_append (diff->text, setting->reconfigurable ? "true" : "false");
    }
  tlc_diff_end (diff);
}

static void
tlc_diff_compare (TlcDiff *diff, const TlcFileService *before, const TlcFileService *after)
{
  guint n_settings;
  const TlcSetting *table = tlc_settings_table (&n_settings);

  for (guint i = 0; i < n_settings; i++)
    {
      const char *was = tlc_config_peek (before->config, &table[i]);
      const char *is = tlc_config_peek (after->config, &table[i]);

      if (g_strcmp0 (was, is) != 0)
        tlc_diff_add_key (diff, after->name, &table[i], was, is);
    }
}

static void
tlc_diff_run (TlcDiff *diff, const TlcServicesFile *before, const TlcServicesFile *after)
{
  for (guint i = 0; i < after->services->len; i++)
    {
      const TlcFileService *service = after->services->pdata[i];
      const TlcFileService *was = tlc_services_file_find (before, service->name);

      if (was != NULL)
        tlc_diff_compare (diff, was, service);
      else
        {
          tlc_diff_begin (diff, service->name, "added");
          tlc_diff_end (diff);
        }
    }
  for (guint i = 0; i < before->services->len; i++)
    {
      const TlcFileService *service = before->services->pdata[i];

      if (tlc_services_file_find (after, service->name) != NULL)
        continue;
      tlc_diff_begin (diff, service->name, "gone");
      tlc_diff_end (diff);
    }
}

/* NULL: what is wrong with it has been said. */
static TlcServicesFile *
tlc_diff_load (const char *path)
{
  g_autoptr (GError) error = NULL;
  TlcServicesFile *file = tlc_services_file_load (path, &error);

  if (file == NULL)
    g_printerr ("%s\n", error->message);
  return file;
}

int
tlc_command_diff (int argc, char **argv)
{
  TlcDiff diff = { 0 };
  const GOptionEntry entries[]
      = { { "json", 0, 0, G_OPTION_ARG_NONE, &diff.is_json, "Write JSON", NULL }, G_OPTION_ENTRY_NULL };
  GOptionContext *context
      = g_option_context_new ("OLD NEW - what loading NEW over OLD would change");
  g_autoptr (TlcServicesFile) before = NULL;
  g_autoptr (TlcServicesFile) after = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  g_option_context_set_summary (
      context, "Exit status: 0, nothing would change; 1, something would; 2, trouble.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!tlc_command_parse (context, &argc, &argv, 2))
    return TLC_COMMAND_TROUBLE;
  before = tlc_diff_load (argv[1]);
  after = tlc_diff_load (argv[2]);
  if (before == NULL || after == NULL)
    return TLC_COMMAND_TROUBLE;
  diff.text = text;
  tlc_diff_run (&diff, before, after);
  if (diff.is_json)
    {
      g_string_prepend_c (text, '[');
      g_string_append (text, "\n]\n");
    }
  if (!tlc_command_print (text->str))
    return TLC_COMMAND_TROUBLE;
  return diff.n_changes > 0 ? 1 : 0;
}
