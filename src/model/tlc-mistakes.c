/* SPDX-License-Identifier: Apache-2.0 */

/* Mistakes: collected as they are found, told in the order of the file. */
#include "model/tlc-mistakes.h"

#include "model/tlc-error-private.h"

typedef struct {
  guint line, order;
  char *text;
} TlcMistake;

static void
tlc_mistake_free (gpointer data)
{
  TlcMistake *mistake = data;

  g_free (mistake->text);
  g_free (mistake);
}

void
tlc_mistakes_init (TlcMistakes *mistakes, const char *file)
{
  mistakes->file = file;
  mistakes->n_more = 0;
  mistakes->entries = g_ptr_array_new_with_free_func (tlc_mistake_free);
}

void
tlc_mistakes_clear (TlcMistakes *mistakes)
{
  g_ptr_array_unref (mistakes->entries);
}

void
tlc_mistakes_add (TlcMistakes *mistakes, guint line, const char *format, ...)
{
  TlcMistake *mistake;
  va_list args;

  if (tlc_mistakes_are_enough (mistakes))
    {
      mistakes->n_more++;
      return;
    }
  mistake = g_new0 (TlcMistake, 1);
  mistake->line = line;
  mistake->order = mistakes->entries->len;
  va_start (args, format);
  mistake->text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (mistakes->entries, mistake);
}

gboolean
tlc_mistakes_are_none (const TlcMistakes *mistakes)
{
  return mistakes->entries->len == 0;
}

gboolean
tlc_mistakes_are_enough (const TlcMistakes *mistakes)
{
  return mistakes->entries->len >= TLC_MISTAKES_ENOUGH;
}

static int
tlc_mistake_compare (gconstpointer a, gconstpointer b)
{
  const TlcMistake *first = *(const TlcMistake *const *) a, *second = *(const TlcMistake *const *) b;

  if (first->line != second->line)
    return first->line < second->line ? -1 : 1;
  return first->order < second->order ? -1 : 1;
}

static void
tlc_mistake_tell (const TlcMistake *mistake, const char *file, GString *text)
{
  g_string_append_printf (text, "%s%s:", text->len > 0 ? "\n" : "", file);
  if (mistake->line > 0)
    g_string_append_printf (text, "%u:", mistake->line);
  g_string_append_printf (text, " %s", mistake->text);
}

void
tlc_mistakes_set_error (const TlcMistakes *mistakes, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint n = mistakes->entries->len;

  g_ptr_array_sort (mistakes->entries, tlc_mistake_compare);
  for (guint i = 0; i < MIN (n, TLC_MISTAKES_MAX); i++)
    tlc_mistake_tell (mistakes->entries->pdata[i], mistakes->file, text);
  if (n > TLC_MISTAKES_MAX)
    g_string_append_printf (text, "\n%s: and %u more%s", mistakes->file,
                            n + mistakes->n_more - TLC_MISTAKES_MAX,
                            tlc_mistakes_are_enough (mistakes) ? " at least" : "");
  tlc_error_set (error, TLC_ERROR_CONFIG, TLC_DELIVERY_NOT_SENT, "%s", text->str);
}
