/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of settings: how each kind of value is read, written and described.
 *
 * They bring a row's range or choices to the parsers of tlc-value.c and tlc-address-parse.c, and
 * store into the field that the row names. Constant; pure functions.
 */
#include "model/tlc-settings-table.h"

#include <string.h>

#include "model/tlc-text.h"
#include "model/tlc-value.h"

static gboolean
tlc_duration_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  return tlc_value_parse_duration (text, setting->min, setting->max, field, error);
}

static char *
tlc_duration_format (const TlcSetting *setting, gconstpointer field)
{
  return tlc_value_format_duration (*(const gint64 *) field);
}

static char *
tlc_duration_describe (const TlcSetting *setting)
{
  g_autofree char *min = tlc_value_format_duration (setting->min);
  g_autofree char *max = tlc_value_format_duration (setting->max);

  return g_strdup_printf ("duration, %s to %s", min, max);
}

const TlcSettingType tlc_duration_type = {
  tlc_duration_parse, tlc_duration_format, tlc_duration_describe,
};

static gboolean
tlc_size_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  return tlc_value_parse_size (text, (gsize) setting->min, (gsize) setting->max, field, error);
}

static char *
tlc_size_format (const TlcSetting *setting, gconstpointer field)
{
  return tlc_value_format_size (*(const gsize *) field);
}

static char *
tlc_size_describe (const TlcSetting *setting)
{
  g_autofree char *min = tlc_value_format_size ((gsize) setting->min);
  g_autofree char *max = tlc_value_format_size ((gsize) setting->max);

  return g_strdup_printf ("size, %s to %s", min, max);
}

const TlcSettingType tlc_size_type = {
  tlc_size_parse, tlc_size_format, tlc_size_describe,
};

static gboolean
tlc_boolean_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  return tlc_value_parse_boolean (text, field, error);
}

static char *
tlc_boolean_format (const TlcSetting *setting, gconstpointer field)
{
  return g_strdup (tlc_value_format_boolean (*(const gboolean *) field));
}

static char *
tlc_boolean_describe (const TlcSetting *setting)
{
  return g_strdup ("`true` or `false`");
}

const TlcSettingType tlc_boolean_type = {
  tlc_boolean_parse, tlc_boolean_format, tlc_boolean_describe,
};

/* What stands for no name. */
#define TLC_NAME_NONE "none"

/* Stored as NULL where it is none. */
static gboolean
tlc_name_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  gsize length = strlen (text);
  gboolean is_good = length > 0 && length <= TLC_SETTING_NAME_MAX;

  for (gsize i = 0; is_good && i < length; i++)
    is_good = g_ascii_isgraph (text[i]) && text[i] != ':';
  if (!is_good)
    {
      tlc_text_refuse (error, text,
                       "write 1 to %d printable ASCII characters without spaces and colons, or "
                       "none",
                       TLC_SETTING_NAME_MAX);
      return FALSE;
    }
  if (!g_str_equal (text, TLC_NAME_NONE))
    *(char **) field = g_strdup (text);
  return TRUE;
}

static char *
tlc_name_format (const TlcSetting *setting, gconstpointer field)
{
  const char *name = *(char *const *) field;

  return g_strdup (name != NULL ? name : TLC_NAME_NONE);
}

static char *
tlc_name_describe (const TlcSetting *setting)
{
  return g_strdup_printf ("1 to %d characters without spaces and colons, or `none`",
                          TLC_SETTING_NAME_MAX);
}

const TlcSettingType tlc_name_type = {
  tlc_name_parse, tlc_name_format, tlc_name_describe,
};

static gboolean
tlc_count_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  return tlc_value_parse_count (text, (guint) setting->min, (guint) setting->max, field, error);
}

static char *
tlc_count_format (const TlcSetting *setting, gconstpointer field)
{
  return g_strdup_printf ("%u", *(const guint *) field);
}

static char *
tlc_count_describe (const TlcSetting *setting)
{
  return g_strdup_printf ("whole number, %d to %d", (int) setting->min, (int) setting->max);
}

const TlcSettingType tlc_count_type = {
  tlc_count_parse, tlc_count_format, tlc_count_describe,
};

/* What stands for no limit. */
#define TLC_LIMIT_NONE "unlimited"

static gboolean
tlc_limit_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  guint *limit = field;

  if (g_str_equal (text, TLC_LIMIT_NONE))
    {
      *limit = G_MAXUINT;
      return TRUE;
    }
  if (tlc_value_parse_count (text, (guint) setting->min, (guint) setting->max, limit, NULL))
    return TRUE;
  tlc_text_refuse (error, text, "write a whole number from %d to %d, or " TLC_LIMIT_NONE,
                   (int) setting->min, (int) setting->max);
  return FALSE;
}

static char *
tlc_limit_format (const TlcSetting *setting, gconstpointer field)
{
  guint limit = *(const guint *) field;

  return limit == G_MAXUINT ? g_strdup (TLC_LIMIT_NONE) : g_strdup_printf ("%u", limit);
}

static char *
tlc_limit_describe (const TlcSetting *setting)
{
  return g_strdup_printf ("whole number, %d to %d, or `" TLC_LIMIT_NONE "`", (int) setting->min,
                          (int) setting->max);
}

const TlcSettingType tlc_limit_type = {
  tlc_limit_parse, tlc_limit_format, tlc_limit_describe,
};

static gboolean
tlc_percent_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  return tlc_value_parse_percent (text, (guint) setting->min, (guint) setting->max, field, error);
}

static char *
tlc_percent_format (const TlcSetting *setting, gconstpointer field)
{
  return g_strdup_printf ("%u%%", *(const guint *) field);
}

static char *
tlc_percent_describe (const TlcSetting *setting)
{
  return g_strdup_printf ("percentage, %d%% to %d%%", (int) setting->min, (int) setting->max);
}

const TlcSettingType tlc_percent_type = {
  tlc_percent_parse, tlc_percent_format, tlc_percent_describe,
};

/* What a Thrift name may consist of, and * and ? for the rest of it. */
static gboolean
tlc_globs_is_good (const char *glob)
{
  for (; *glob != '\0'; glob++)
    if (!g_ascii_isalnum (*glob) && strchr ("_.*?", *glob) == NULL)
      return FALSE;
  return TRUE;
}

static gboolean
tlc_globs_append (GPtrArray *globs, const char *item, GError **error)
{
  if (!tlc_globs_is_good (item))
    tlc_text_refuse (error, item, "a method's name has letters, digits, _ and .; * stands for any of "
                     "them, ? for one");
  else if (globs->len == TLC_SETTING_GLOBS_MAX)
    tlc_text_refuse (error, item, "one name too many; there may be at most %d",
                     TLC_SETTING_GLOBS_MAX);
  else
    {
      g_ptr_array_add (globs, g_strdup (item));
      return TRUE;
    }
  return FALSE;
}

/* Stored as NULL where there is none. */
static gboolean
tlc_globs_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  g_autoptr (GPtrArray) globs = g_ptr_array_new_with_free_func (g_free);
  const char *cursor = text;

  if (g_str_equal (text, TLC_NAME_NONE))
    return TRUE;
  for (;;)
    {
      g_autofree char *item = tlc_text_next_item (&cursor);

      if (item == NULL)
        break;
      if (!tlc_globs_append (globs, item, error))
        return FALSE;
    }
  if (globs->len == 0)
    {
      tlc_text_refuse (error, text, "write names of methods, such as get_* or find, or none");
      return FALSE;
    }
  g_ptr_array_add (globs, NULL);
  *(char ***) field = (char **) g_ptr_array_steal (globs, NULL);
  return TRUE;
}

static char *
tlc_globs_format (const TlcSetting *setting, gconstpointer field)
{
  char **globs = *(char **const *) field;

  return globs != NULL ? g_strjoinv (", ", globs) : g_strdup (TLC_NAME_NONE);
}

static char *
tlc_globs_describe (const TlcSetting *setting)
{
  return g_strdup_printf ("list of at most %d names, in which `*` stands for any characters and `?` "
                          "for one; or `none`",
                          TLC_SETTING_GLOBS_MAX);
}

const TlcSettingType tlc_globs_type = {
  tlc_globs_parse, tlc_globs_format, tlc_globs_describe,
};

/* Choices are stored as the enumerations that the rows name: as wide as a guint, and from 0. */
G_STATIC_ASSERT (sizeof (TlcProtocolKind) == sizeof (guint));
G_STATIC_ASSERT (sizeof (TlcTransportKind) == sizeof (guint));
G_STATIC_ASSERT (sizeof (TlcRetryKind) == sizeof (guint));

static gboolean
tlc_choice_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  g_autofree char *choices = NULL;

  for (guint i = 0; setting->choices[i] != NULL; i++)
    if (g_str_equal (setting->choices[i], text))
      {
        *(guint *) field = i;
        return TRUE;
      }
  choices = g_strjoinv (" or ", (char **) setting->choices);
  tlc_text_refuse (error, text, "write %s", choices);
  return FALSE;
}

static char *
tlc_choice_format (const TlcSetting *setting, gconstpointer field)
{
  return g_strdup (setting->choices[*(const guint *) field]);
}

static char *
tlc_choice_describe (const TlcSetting *setting)
{
  g_autofree char *choices = g_strjoinv ("` or `", (char **) setting->choices);

  return g_strdup_printf ("`%s`", choices);
}

const TlcSettingType tlc_choice_type = {
  tlc_choice_parse, tlc_choice_format, tlc_choice_describe,
};

/* Parses one item and appends it; @seen has the texts of those before. */
static gboolean
tlc_endpoints_append (GPtrArray *addresses, GHashTable *seen, const char *item, GError **error)
{
  g_autoptr (TlcAddress) address = tlc_address_parse (item, error);

  if (address == NULL)
    return FALSE;
  if (addresses->len == TLC_SETTING_ENDPOINTS_MAX)
    {
      tlc_text_refuse (error, item, "one endpoint too many; a service has at most %d",
                       TLC_SETTING_ENDPOINTS_MAX);
      return FALSE;
    }
  if (g_hash_table_contains (seen, address->text))
    {
      tlc_text_refuse (error, item, "it stands in the list twice; write it once");
      return FALSE;
    }
  g_hash_table_add (seen, address->text);
  g_ptr_array_add (addresses, g_steal_pointer (&address));
  return TRUE;
}

static gboolean
tlc_endpoints_parse (const TlcSetting *setting, const char *text, gpointer field, GError **error)
{
  g_autoptr (GPtrArray) addresses = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  const char *cursor = text;

  addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);
  for (;;)
    {
      g_autofree char *item = tlc_text_next_item (&cursor);

      if (item == NULL)
        break;
      if (!tlc_endpoints_append (addresses, seen, item, error))
        return FALSE;
    }
  if (addresses->len == 0)
    {
      tlc_text_refuse (error, text, "a service needs at least one endpoint, such as "
                       "tcp://127.0.0.1:9090 or unix:/run/echo.sock");
      return FALSE;
    }
  *(GPtrArray **) field = g_steal_pointer (&addresses);
  return TRUE;
}

static char *
tlc_endpoints_format (const TlcSetting *setting, gconstpointer field)
{
  const GPtrArray *addresses = *(GPtrArray *const *) field;
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < addresses->len; i++)
    {
      g_autofree char *item = tlc_address_format (addresses->pdata[i]);

      g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", item);
    }
  return g_string_free (text, FALSE);
}

static char *
tlc_endpoints_describe (const TlcSetting *setting)
{
  return g_strdup_printf ("list of 1 to %d addresses, no two the same: `tcp://host:port`, "
                          "`tcp://[v6]:port`, `unix:/path`, `unix:@name`, each with `?weight=3` behind it "
                          "or without",
                          TLC_SETTING_ENDPOINTS_MAX);
}

const TlcSettingType tlc_endpoints_type = {
  tlc_endpoints_parse, tlc_endpoints_format, tlc_endpoints_describe,
};
