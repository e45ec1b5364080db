/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The subcommands of tlc. Each takes the arguments from its own name on, and returns the exit status. */
int tlc_command_check (int argc, char **argv);
int tlc_command_keys (int argc, char **argv);
int tlc_command_diff (int argc, char **argv);

/* What they have in common: 0 and 1 say what was found, this that nothing was. */
#define TLC_COMMAND_TROUBLE 2

/* Parses the options of @context, taken over. TRUE: so many arguments are left, as there should be; else
 * what is wrong has been said. */
gboolean tlc_command_parse (GOptionContext *context, int *argc, char ***argv, int n_arguments);

/* Writes @text as it is, whatever the locale; FALSE: not all of it, which has been said. */
gboolean tlc_command_print (const char *text);

/* Appends @text as JSON has strings, or null. */
void tlc_json_append (GString *json, const char *text);
/* Appends `"name": ` behind a comma, but for the first in its object. */
void tlc_json_name (GString *json, const char *name);
