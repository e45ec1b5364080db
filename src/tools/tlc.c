/* SPDX-License-Identifier: Apache-2.0 */

/* tlc: what there is to ask about a file of services, before a program loads it. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tlc-commands.h"

static const struct {
  const char *name;
  int (*run) (int argc, char **argv);
  const char *help;
} tlc_commands[] = {
  { "check", tlc_command_check, "FILE      is the file right, and who answers at its endpoints" },
  { "diff", tlc_command_diff, "OLD NEW    what loading NEW over OLD would change" },
  { "keys", tlc_command_keys, "           the keys of a service, and what they may be" },
};

static void
tlc_print_usage (void)
{
  g_print ("Usage: tlc COMMAND ...\n\n");
  for (guint i = 0; i < G_N_ELEMENTS (tlc_commands); i++)
    g_print ("  tlc %-5s %s\n", tlc_commands[i].name, tlc_commands[i].help);
  g_print ("\n\"tlc COMMAND --help\" says more, and so does tlc(1).\n");
}

gboolean
tlc_command_print (const char *text)
{
  if (fputs (text, stdout) >= 0 && fflush (stdout) == 0)
    return TRUE;
  g_printerr ("tlc: output: %s\n", g_strerror (errno));
  return FALSE;
}

/* What says that arguments follow is left where it is. */
static void
tlc_command_drop_dashes (int *argc, char **argv)
{
  for (int i = 1; i < *argc; i++)
    if (strcmp (argv[i], "--") == 0)
      {
        memmove (&argv[i], &argv[i + 1], (gsize) (*argc - i) * sizeof argv[0]);
        (*argc)--;
        return;
      }
}

gboolean
tlc_command_parse (GOptionContext *context, int *argc, char ***argv, int n_arguments)
{
  g_autoptr (GError) error = NULL;
  gboolean is_good = g_option_context_parse (context, argc, argv, &error);

  if (is_good)
    tlc_command_drop_dashes (argc, *argv);
  is_good = is_good && *argc == 1 + n_arguments;
  if (!is_good)
    {
      g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);

      if (error != NULL)
        g_printerr ("tlc: %s\n\n", error->message);
      g_printerr ("%s", help);
    }
  g_option_context_free (context);
  return is_good;
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS (tlc_commands); i++)
    if (strcmp (argv[1], tlc_commands[i].name) == 0)
      return tlc_commands[i].run (argc - 1, argv + 1);
  if (argc == 2 && strcmp (argv[1], "--version") == 0)
    {
      g_print ("tlc %s\n", TLC_VERSION);
      return 0;
    }
  if (argc == 2 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0))
    {
      tlc_print_usage ();
      return 0;
    }
  if (argc > 1)
    g_printerr ("tlc: \"%s\": no such command: check, diff and keys are\n", argv[1]);
  else
    g_printerr ("tlc: which command? \"tlc --help\" lists them\n");
  return TLC_COMMAND_TROUBLE;
}
