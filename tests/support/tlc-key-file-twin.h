/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our reader of key files held against GLib's. */
#include <string.h>

#include "model/tlc-key-file.h"
#include "model/tlc-services-file.h"

static inline void
tlc_key_group_compare (const TlcKeyGroup *group, GKeyFile *other)
{
  gsize n_keys;
  g_auto (GStrv) keys = g_key_file_get_keys (other, group->name, &n_keys, NULL);

  g_assert (keys != NULL && n_keys == group->entries->len);
  for (gsize i = 0; i < n_keys; i++)
    {
      const TlcKeyEntry *entry = group->entries->pdata[i];
      g_autofree char *value = g_key_file_get_value (other, group->name, keys[i], NULL);

      g_assert_cmpstr (entry->key, ==, keys[i]);
      g_assert_cmpstr (g_strchomp (value), ==, entry->value);
    }
}

/* What we take GKeyFile must take, and read the same in it. Whether we took it. */
static inline gboolean
tlc_key_file_compare (const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcServicesFile) file = tlc_services_file_parse ("f", text, length, &error);
  g_autoptr (GKeyFile) other = g_key_file_new ();
  g_autoptr (GPtrArray) groups = NULL;
  g_auto (GStrv) names = NULL;
  TlcMistakes none;

  if (file == NULL)
    {
      g_assert (error != NULL && error->message[0] == 'f' && error->message[1] == ':');
      return FALSE;
    }
  if (!g_key_file_load_from_data (other, text, length, G_KEY_FILE_NONE, &error))
    g_error ("taken by us alone: %s: %.*s", error->message, (int) length, text);
  tlc_mistakes_init (&none, "f");
  groups = tlc_key_file_parse (text, length, &none);
  g_assert (tlc_mistakes_are_none (&none));
  tlc_mistakes_clear (&none);
  names = g_key_file_get_groups (other, NULL);
  g_assert_cmpuint (g_strv_length (names), ==, groups->len);
  for (guint i = 0; i < groups->len; i++)
    {
      g_assert_cmpstr (((TlcKeyGroup *) groups->pdata[i])->name, ==, names[i]);
      tlc_key_group_compare (groups->pdata[i], other);
    }
  return TRUE;
}
