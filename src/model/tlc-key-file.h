/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-mistakes.h"

/* A key file, as GKeyFile reads it, with the lines that it does not tell, and all mistakes instead of the first:
 *
 *   # a comment
 *   [group]
 *   key = value
 *
 * What GKeyFile lets pass without a word is a mistake here: a group or a key that comes twice, NUL bytes, a
 * byte-order mark. */
typedef struct {
  char *key, *value; /* without the blanks around them, and else as they are */
  guint line;
} TlcKeyEntry;

typedef struct {
  char *name;
  guint line;
  GPtrArray *entries;  /* of TlcKeyEntry, in the order of the file, no two of one key */
  gboolean is_damaged; /* there are lines in it that could not be read */
  gboolean is_extra;   /* its own line is a mistake: there is nothing to it but the mistakes in its keys */
} TlcKeyGroup;

#define TLC_KEY_FILE_LINE_MAX (80 * 1024) /* bytes of a line */
#define TLC_KEY_FILE_GROUPS_MAX 1024
#define TLC_KEY_FILE_KEYS_MAX 256 /* of a group */

/* The groups of @text, in its order, no two of one name but extra ones; @mistakes has what could not be
 * read. */
GPtrArray *tlc_key_file_parse (const char *text, gsize length, TlcMistakes *mistakes);
/* NULL: it has no such key. */
const TlcKeyEntry *tlc_key_group_find (const TlcKeyGroup *group, const char *key);
