/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: what reading settings and complaining about them has in common.
 *
 * What we complain about comes from files and programs and goes to logs, so it is escaped and cut
 * here, once. Pure functions; nothing depends on the locale.
 */
#include "model/tlc-text.h"

#include <string.h>

#include "model/tlc-error-private.h"

#define TLC_TEXT_SEPARATORS " ,\t"
#define TLC_TEXT_WORD_MAX 64 /* no key is nearly as long */

/* GLib counts the separators of lines and paragraphs among what has a shape. */
gboolean
tlc_text_is_visible (gunichar character)
{
  return g_unichar_isgraph (character) && !g_unichar_isspace (character);
}

char *
tlc_text_escape (const char *text)
{
  gsize length = strnlen (text, TLC_TEXT_SHOWN_MAX + 1);
  gsize shown = MIN (length, TLC_TEXT_SHOWN_MAX);
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) shown);
  GString *escaped = g_string_sized_new (shown);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      if (character == '"' || character == '\\')
        g_string_append_printf (escaped, "\\%c", (char) character);
      else if (character == ' ' || tlc_text_is_visible (character))
        g_string_append_unichar (escaped, character);
      else
        g_string_append_printf (escaped, "\\u%04x", character);
    }
  if (shown < length)
    g_string_append (escaped, "...");
  return g_string_free (escaped, FALSE);
}

void
tlc_text_refuse (GError **error, const char *text, const char *format, ...)
{
  g_autofree char *shown = tlc_text_escape (text);
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT, "\"%s\": %s", shown, reason);
}

char *
tlc_text_next_item (const char **cursor)
{
  const char *start = *cursor + strspn (*cursor, TLC_TEXT_SEPARATORS);
  gsize length = strcspn (start, TLC_TEXT_SEPARATORS);

  *cursor = start + length;
  return length > 0 ? g_strndup (start, length) : NULL;
}

/* Levenshtein's table, of which only one row is kept: row[j] is the distance of what was read of @a
 * to the first j bytes of @b. */
guint
tlc_text_distance (const char *a, const char *b)
{
  gsize length_a = strnlen (a, TLC_TEXT_WORD_MAX + 1);
  gsize length_b = strnlen (b, TLC_TEXT_WORD_MAX + 1);
  guint row[TLC_TEXT_WORD_MAX + 1];

  if (length_a > TLC_TEXT_WORD_MAX || length_b > TLC_TEXT_WORD_MAX)
    return G_MAXUINT;

  for (guint j = 0; j <= length_b; j++)
    row[j] = j;
  for (guint i = 1; i <= length_a; i++)
    {
      guint diagonal = row[0];

      row[0] = i;
      for (guint j = 1; j <= length_b; j++)
        {
          guint replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
          guint inserted_or_deleted = MIN (row[j], row[j - 1]) + 1;

          diagonal = row[j];
          row[j] = MIN (replaced, inserted_or_deleted);
        }
    }
  return row[length_b];
}
