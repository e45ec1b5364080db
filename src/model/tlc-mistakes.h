/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What is wrong with a file: all of it, each with its line. */
typedef struct {
  const char *file;   /* its name, for messages; the caller's */
  GPtrArray *entries; /* private */
  guint n_more;       /* that are not among them */
} TlcMistakes;

/* So many are told; of more only their number. */
#define TLC_MISTAKES_MAX 100
/* Who has found so many need not look for more: nobody reads them, and a file may be all mistakes. */
#define TLC_MISTAKES_ENOUGH 1000

void tlc_mistakes_init (TlcMistakes *mistakes, const char *file);
void tlc_mistakes_clear (TlcMistakes *mistakes);
/* @line counts from 1; 0: it is about the whole file. */
void tlc_mistakes_add (TlcMistakes *mistakes, guint line, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
gboolean tlc_mistakes_are_none (const TlcMistakes *mistakes);
gboolean tlc_mistakes_are_enough (const TlcMistakes *mistakes);
/* TLC_ERROR_CONFIG: one line for each, `services.conf:7: ...`, in the order of the lines. */
void tlc_mistakes_set_error (const TlcMistakes *mistakes, GError **error);
