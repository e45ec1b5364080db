/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configs: the text of the settings that a program or a file has set.
 *
 * Each text is checked by the table before it is kept, and kept in its canonical form. A config
 * belongs to one thread at a time; a running service reads settings, which are made from it.
 */
#include "tlc/config.h"

#include "model/tlc-settings-table.h"

struct _TlcConfig {
  char **texts; /* one for each row of the table; NULL: not set, the default is in force */
};

static gsize
tlc_setting_get_index (const TlcSetting *setting)
{
  guint n_settings;

  return (gsize) (setting - tlc_settings_table (&n_settings));
}

TlcConfig *
tlc_config_new (void)
{
  TlcConfig *config = g_new0 (TlcConfig, 1);
  guint n_settings;

  tlc_settings_table (&n_settings);
  config->texts = g_new0 (char *, n_settings);
  return config;
}

TlcConfig *
tlc_config_copy (const TlcConfig *config)
{
  TlcConfig *copy;
  guint n_settings;

  g_return_val_if_fail (config != NULL, NULL);

  copy = tlc_config_new ();
  tlc_settings_table (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    copy->texts[i] = g_strdup (config->texts[i]);
  return copy;
}

void
tlc_config_free (TlcConfig *config)
{
  guint n_settings;

  if (config == NULL)
    return;
  tlc_settings_table (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    g_free (config->texts[i]);
  g_free (config->texts);
  g_free (config);
}

gboolean
tlc_config_set (TlcConfig *config, const char *key, const char *value, GError **error)
{
  const TlcSetting *setting;
  char *text;

  g_return_val_if_fail (config != NULL, FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  setting = tlc_setting_find (key, value, error);
  if (setting == NULL)
    return FALSE;
  text = tlc_setting_canonicalize (setting, value, error);
  if (text == NULL)
    return FALSE;

  g_free (config->texts[tlc_setting_get_index (setting)]);
  config->texts[tlc_setting_get_index (setting)] = text;
  return TRUE;
}

const char *
tlc_config_peek (const TlcConfig *config, const TlcSetting *setting)
{
  const char *text = config->texts[tlc_setting_get_index (setting)];

  return text != NULL ? text : setting->default_text;
}

char *
tlc_config_get (const TlcConfig *config, const char *key)
{
  const TlcSetting *setting;

  g_return_val_if_fail (config != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  setting = tlc_setting_peek (key);
  return setting != NULL ? g_strdup (tlc_config_peek (config, setting)) : NULL;
}
