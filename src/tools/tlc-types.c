/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlc-types: writes the file that registers generated types.
 *
 * Reads the headers that `thrift --gen c_glib` wrote, finds each `GType xxx_get_type (void)` and
 * writes a C file that gives them all to tlc_register_types(), before main() is entered. It looks
 * at text, not at C: comments, literals and directives are blanked, what is left is searched. The
 * same headers give the same file, in whatever order they are named.
 */
#include <glib.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

typedef struct
{
  GPtrArray *headers;   /* (element-type utf8) basenames, sorted, each once */
  GPtrArray *functions; /* (element-type utf8) names of *_get_type functions, sorted, each once */
  char *name;           /* of the function to write */
  gboolean constructor;
} TlcTypes;

static void
tlc_types_clear (TlcTypes *types)
{
  g_clear_pointer (&types->headers, g_ptr_array_unref);
  g_clear_pointer (&types->functions, g_ptr_array_unref);
  g_clear_pointer (&types->name, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TlcTypes, tlc_types_clear)

static gboolean
tlc_types_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
tlc_types_fail (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  *error = g_error_new_valist (G_OPTION_ERROR, G_OPTION_ERROR_FAILED, format, args);
  va_end (args);
  return FALSE;
}

static gboolean
tlc_types_contains (GPtrArray *array, const char *text)
{
  return g_ptr_array_find_with_equal_func (array, text, g_str_equal, NULL);
}

static gint
tlc_types_compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The end of the comment or literal that begins at @p, which may be @end where it is not closed;
 * @p itself where nothing begins. */
static const char *
tlc_types_skip_token (const char *p, const char *end)
{
  gsize left = (gsize) (end - p);

  if (left >= 2 && p[0] == '/' && p[1] == '*')
    {
      const char *close = g_strstr_len (p + 2, (gssize) left - 2, "*/");
      return close == NULL ? end : close + 2;
    }

  if (left >= 2 && p[0] == '/' && p[1] == '/')
    {
      const char *newline = memchr (p, '\n', left);
      return newline == NULL ? end : newline;
    }

  if (*p == '"' || *p == '\'')
    {
      const char *q = p + 1;

      /* an apostrophe that nothing closes, as in text under #if 0, ends with its line */
      while (q < end && *q != *p && *q != '\n')
        q += *q == '\\' && end - q > 1 ? 2 : 1;
      return q < end && *q == *p ? q + 1 : q;
    }

  return p;
}

/* Blanks comments, literals and directives, so that what is left is declarations. */
static void
tlc_types_blank (char *text, gsize length)
{
  char *end = text + length;
  gboolean line_start = TRUE;
  gboolean directive = FALSE;

  for (char *p = text; p < end;)
    {
      char *next = text + (tlc_types_skip_token (p, end) - text);

      if (next == p)
        {
          if (*p == '\n')
            directive = directive && p > text && p[-1] == '\\';
          else if (*p == '#' && line_start)
            directive = TRUE;

          line_start = *p == '\n' || (line_start && g_ascii_isspace (*p));
          if (*p == '\0' || (directive && *p != '\n' && *p != '\\'))
            *p = ' ';
          p++;
        }
      else
        {
          memset (p, ' ', (gsize) (next - p));
          p = next;
        }
    }
}

static gboolean
tlc_types_read_header (TlcTypes *types, const GRegex *regex, const char *path, GError **error)
{
  g_autofree char *display_path = g_filename_display_name (path);
  g_autofree char *basename = g_path_get_basename (path);
  g_autofree char *text = NULL;
  g_autoptr (GMatchInfo) match = NULL;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, error))
    return FALSE;
  if (strpbrk (basename, "\"\\\n") != NULL)
    return tlc_types_fail (error, "%s: this name cannot be written in an #include", display_path);
  if (tlc_types_contains (types->headers, basename))
    return tlc_types_fail (error, "%s: a header of this name was given before", display_path);

  tlc_types_blank (text, length);
  if (!g_regex_match_full (regex, text, (gssize) length, 0, 0, &match, error))
    return *error == NULL
           && tlc_types_fail (error, "%s: no \"GType ..._get_type (void)\" in this header: was it "
                                     "written by thrift --gen c_glib?", display_path);

  g_ptr_array_add (types->headers, g_steal_pointer (&basename));
  while (g_match_info_matches (match))
    {
      g_autofree char *function = g_match_info_fetch (match, 1);

      if (!tlc_types_contains (types->functions, function))
        g_ptr_array_add (types->functions, g_steal_pointer (&function));
      if (!g_match_info_next (match, error) && *error != NULL)
        return FALSE;
    }

  return TRUE;
}

static gboolean
tlc_types_read (TlcTypes *types, char **paths, GError **error)
{
  g_autoptr (GRegex) regex = NULL;

  /* raw: comments are in whatever encoding their author liked, and this is about ASCII */
  regex = g_regex_new ("\\bGType\\s+([A-Za-z_][A-Za-z0-9_]*_get_type)\\s*\\(\\s*void\\s*\\)",
                       G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, error);
  if (regex == NULL)
    return FALSE;

  for (gsize i = 0; paths[i] != NULL; i++)
    {
      if (!tlc_types_read_header (types, regex, paths[i], error))
        return FALSE;
    }

  g_ptr_array_sort (types->headers, tlc_types_compare);
  g_ptr_array_sort (types->functions, tlc_types_compare);
  return TRUE;
}

/* echo-types.c  ->  echo_register_types */
static char *
tlc_types_name_from_output (const char *output)
{
  g_autofree char *base = g_path_get_basename (output);
  char *dot = strrchr (base, '.');

  if (dot != NULL)
    *dot = '\0';
  for (char *p = base; *p != '\0'; p++)
    {
      if (!g_ascii_isalnum (*p))
        *p = '_';
    }
  if (g_str_has_suffix (base, "_types"))
    base[strlen (base) - strlen ("_types")] = '\0';

  return g_strconcat (g_ascii_isdigit (*base) ? "_" : "", base, *base == '\0' ? "" : "_",
                      "register_types", NULL);
}

static gboolean
tlc_types_is_identifier (const char *name)
{
  if (*name == '\0' || g_ascii_isdigit (*name))
    return FALSE;
  for (; *name != '\0'; name++)
    {
      if (!g_ascii_isalnum (*name) && *name != '_')
        return FALSE;
    }
  return TRUE;
}

static GString *
tlc_types_format (const TlcTypes *types)
{
  GString *text = g_string_new ("/* Written by tlc-types. Do not edit. */\n");

  g_string_append (text, "#include <tlc/tlc.h>\n\n");

  for (guint i = 0; i < types->headers->len; i++)
    g_string_append_printf (text, "#include \"%s\"\n", (char *) types->headers->pdata[i]);

  g_string_append_printf (text, "\nvoid %s (void);\n\nvoid\n%s (void)\n{\n",
                          types->name, types->name);
  g_string_append (text, "  static const TlcTypeFunc tlc_type_funcs[] = {\n");
  for (guint i = 0; i < types->functions->len; i++)
    g_string_append_printf (text, "    %s,\n", (char *) types->functions->pdata[i]);
  g_string_append (text,
                   "  };\n\n"
                   "  tlc_register_types (tlc_type_funcs, G_N_ELEMENTS (tlc_type_funcs));\n}\n");

  if (types->constructor)
    g_string_append_printf (text, "\n/* before main(): no second thread can be faster */\n"
                                  "static void __attribute__ ((constructor))\n"
                                  "%s_at_start (void)\n{\n  %s ();\n}\n", types->name, types->name);

  return text;
}

static gboolean
tlc_types_write (const TlcTypes *types, const char *output, GError **error)
{
  g_autoptr (GString) text = tlc_types_format (types);

  return g_file_set_contents (output, text->str, (gssize) text->len, error);
}

static gboolean
tlc_types_run (int *argc, char ***argv, GError **error)
{
  g_auto (TlcTypes) types = { NULL, NULL, NULL, TRUE };
  g_autofree char *output = NULL;
  g_auto (GStrv) paths = NULL;
  gboolean no_constructor = FALSE;
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "C file to write", "FILE" },
    { "name", 0, 0, G_OPTION_ARG_STRING, &types.name,
      "Function to write (default: from FILE, echo-types.c: echo_register_types)", "FUNCTION" },
    { "no-constructor", 0, 0, G_OPTION_ARG_NONE, &no_constructor,
      "Leave it to the program to call the function", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version and exit", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "HEADER..." },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (context,
                                "Writes a C file that registers the types of generated headers.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;

  if (version)
    {
      g_print ("tlc-types %s\n", TLC_VERSION);
      return TRUE;
    }
  if (output == NULL || *output == '\0')
    return tlc_types_fail (error, "no output: say -o FILE");
  if (paths == NULL)
    return tlc_types_fail (error, "no header: name those that thrift --gen c_glib wrote");
  if (types.name != NULL && !tlc_types_is_identifier (types.name))
    return tlc_types_fail (error, "--name \"%s\" is not a name in C", types.name);

  if (types.name == NULL)
    types.name = tlc_types_name_from_output (output);
  types.headers = g_ptr_array_new_with_free_func (g_free);
  types.functions = g_ptr_array_new_with_free_func (g_free);
  types.constructor = !no_constructor;

  return tlc_types_read (&types, paths, error) && tlc_types_write (&types, output, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  if (tlc_types_run (&argc, &argv, &error))
    return EXIT_SUCCESS;

  g_printerr ("tlc-types: %s\n", error->message);
  return EXIT_FAILURE;
}
