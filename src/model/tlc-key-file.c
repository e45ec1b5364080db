/* SPDX-License-Identifier: Apache-2.0 */

/* The reader of key files: line by line, and on after a mistake. */
#include "model/tlc-key-file.h"

#include <string.h>

#include "model/tlc-text.h"

typedef struct {
  TlcMistakes *mistakes;
  GPtrArray *groups;
  TlcKeyGroup *group;   /* the one that lines belong to; NULL: none yet */
  gboolean is_skipping; /* what follows belongs to a group that could not be read */
  guint line;
} TlcKeyFileReader;

static void
tlc_key_entry_free (gpointer data)
{
  TlcKeyEntry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static void
tlc_key_group_free (gpointer data)
{
  TlcKeyGroup *group = data;

  g_free (group->name);
  g_ptr_array_unref (group->entries);
  g_free (group);
}

const TlcKeyEntry *
tlc_key_group_find (const TlcKeyGroup *group, const char *key)
{
  for (guint i = 0; i < group->entries->len; i++)
    {
      const TlcKeyEntry *entry = group->entries->pdata[i];

      if (g_str_equal (entry->key, key))
        return entry;
    }
  return NULL;
}

static TlcKeyGroup *
tlc_key_file_find (const GPtrArray *groups, const char *name)
{
  for (guint i = 0; i < groups->len; i++)
    {
      TlcKeyGroup *group = groups->pdata[i];

      if (!group->is_extra && g_str_equal (group->name, name))
        return group;
    }
  return NULL;
}

/* "[group]", up to the end of the line. NULL: it is none. */
static char *
tlc_key_file_get_group_name (const char *line)
{
  const char *end = strchr (line, ']');

  if (end == NULL || end == line + 1 || end[1 + strspn (end + 1, " \t")] != '\0')
    return NULL;
  for (const char *at = line + 1; at < end; at++)
    if (*at == '[' || g_ascii_iscntrl (*at))
      return NULL;
  return g_strndup (line + 1, (gsize) (end - line - 1));
}

/* A line could not be read: what it may have said nobody knows. */
static void
tlc_key_file_damage (TlcKeyFileReader *reader)
{
  if (reader->group != NULL)
    reader->group->is_damaged = TRUE;
  else
    reader->is_skipping = TRUE;
}

static void
tlc_key_file_add_group (TlcKeyFileReader *reader, const char *name, gboolean is_extra)
{
  reader->is_skipping = reader->groups->len == TLC_KEY_FILE_GROUPS_MAX;
  if (reader->is_skipping)
    {
      tlc_mistakes_add (reader->mistakes, reader->line, "[%s]: more than %d groups", name,
                        TLC_KEY_FILE_GROUPS_MAX);
      return;
    }
  reader->group = g_new0 (TlcKeyGroup, 1);
  reader->group->name = g_strdup (name);
  reader->group->line = reader->line;
  reader->group->entries = g_ptr_array_new_with_free_func (tlc_key_entry_free);
  reader->group->is_extra = is_extra;
  g_ptr_array_add (reader->groups, reader->group);
}

static void
tlc_key_file_begin_group (TlcKeyFileReader *reader, const char *line)
{
  g_autofree char *name = tlc_key_file_get_group_name (line);
  g_autofree char *shown = tlc_text_escape (name != NULL ? name : line);
  const TlcKeyGroup *other = name != NULL ? tlc_key_file_find (reader->groups, name) : NULL;

  if (name == NULL)
    tlc_mistakes_add (reader->mistakes, reader->line,
                      "\"%s\": the name of a service in brackets is right, such as [echo]", shown);
  else if (other != NULL)
    tlc_mistakes_add (reader->mistakes, reader->line,
                      "[%s]: a second time: the first is in line %u: put their keys together", shown,
                      other->line);
  tlc_key_file_add_group (reader, name != NULL ? name : shown, name == NULL || other != NULL);
}

/* What is in a group after so many keys is no settings. */
static gboolean
tlc_key_file_check_room (TlcKeyFileReader *reader)
{
  g_autofree char *group = NULL;

  if (reader->group->entries->len < TLC_KEY_FILE_KEYS_MAX)
    return TRUE;
  group = tlc_text_escape (reader->group->name);
  tlc_mistakes_add (reader->mistakes, reader->line, "%s: more than %d keys", group,
                    TLC_KEY_FILE_KEYS_MAX);
  reader->group->is_damaged = reader->is_skipping = TRUE;
  return FALSE;
}

static void
tlc_key_file_add_entry (TlcKeyFileReader *reader, char *key, const char *value)
{
  const TlcKeyEntry *other = tlc_key_group_find (reader->group, key);
  TlcKeyEntry *entry;

  if (other != NULL)
    {
      g_autofree char *group = tlc_text_escape (reader->group->name);
      g_autofree char *shown = tlc_text_escape (key);

      tlc_mistakes_add (reader->mistakes, reader->line,
                        "%s: %s: a second time: the first is in line %u: leave one of them", group,
                        shown, other->line);
      return;
    }
  entry = g_new0 (TlcKeyEntry, 1);
  entry->key = g_strdup (key);
  entry->value = g_strdup (value);
  entry->line = reader->line;
  g_ptr_array_add (reader->group->entries, entry);
}

static void
tlc_key_file_read_entry (TlcKeyFileReader *reader, char *line)
{
  char *equals = strchr (line, '=');
  g_autofree char *shown = tlc_text_escape (line);

  if (equals == NULL || equals == line)
    {
      tlc_mistakes_add (reader->mistakes, reader->line,
                        "\"%s\": neither a comment nor [service] nor key = value", shown);
      tlc_key_file_damage (reader);
      return;
    }
  if (reader->group == NULL && !reader->is_skipping)
    {
      tlc_mistakes_add (reader->mistakes, reader->line,
                        "\"%s\": before any [service]: put it behind one, or behind [defaults]", shown);
      return;
    }
  if (reader->is_skipping)
    return;
  if (!tlc_key_file_check_room (reader))
    return;
  *equals = '\0';
  g_strchomp (line);
  tlc_key_file_add_entry (reader, line, g_strchug (equals + 1));
}

/* @line is valid UTF-8, without its end. */
static void
tlc_key_file_read_line (TlcKeyFileReader *reader, char *line)
{
  g_strstrip (line);
  if (*line == '\0' || *line == '#')
    return;
  if (*line == '[')
    tlc_key_file_begin_group (reader, line);
  else
    tlc_key_file_read_entry (reader, line);
}

/* Blanks apart: GKeyFile takes some of them for blanks, in some places. */
static gboolean
tlc_key_file_has_control (const char *line, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (g_ascii_iscntrl (line[i]) && line[i] != '\t')
      return TRUE;
  return FALSE;
}

/* What is in no right file, wherever it is. */
static gboolean
tlc_key_file_check_line (TlcKeyFileReader *reader, const char *line, gsize length)
{
  const char *what = NULL;

  if (length > TLC_KEY_FILE_LINE_MAX)
    what = "a line of more than " G_STRINGIFY (TLC_KEY_FILE_LINE_MAX) " bytes";
  else if (memchr (line, '\0', length) != NULL)
    what = "a NUL byte: text is right";
  else if (!g_utf8_validate (line, (gssize) length, NULL))
    what = "bytes that are not UTF-8";
  else if (reader->line == 1 && length >= 3 && memcmp (line, "\xef\xbb\xbf", 3) == 0)
    what = "a byte-order mark: save the file without";
  else if (tlc_key_file_has_control (line, length))
    what = "a control character";
  if (what == NULL)
    return TRUE;
  tlc_mistakes_add (reader->mistakes, reader->line, "%s", what);
  tlc_key_file_damage (reader);
  return FALSE;
}

GPtrArray *
tlc_key_file_parse (const char *text, gsize length, TlcMistakes *mistakes)
{
  TlcKeyFileReader reader = { .mistakes = mistakes };

  reader.groups = g_ptr_array_new_with_free_func (tlc_key_group_free);
  while (length > 0 && !tlc_mistakes_are_enough (mistakes))
    {
      const char *end = memchr (text, '\n', length);
      gsize line_length = end != NULL ? (gsize) (end - text) : length;
      gsize taken = end != NULL ? line_length + 1 : length;

      reader.line++;
      if (end != NULL && line_length > 0 && text[line_length - 1] == '\r')
        line_length--;
      if (tlc_key_file_check_line (&reader, text, line_length))
        {
          g_autofree char *line = g_strndup (text, line_length);

          tlc_key_file_read_line (&reader, line);
        }
      text += taken;
      length -= taken;
    }
  return reader.groups;
}
