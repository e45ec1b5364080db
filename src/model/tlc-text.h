/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* @text for a message or a log line: printable UTF-8 on one line, cut after so many bytes. */
#define TLC_TEXT_SHOWN_MAX 320
char *tlc_text_escape (const char *text);

/* Neither a space nor a control or formatting character, of any alphabet. */
gboolean tlc_text_is_visible (gunichar character);

/* TLC_ERROR_CONFIG, not sent: `"text": reason`. Who knows the key puts it in front. */
void tlc_text_refuse (GError **error, const char *text, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* The next item of a list whose items are separated by commas, spaces or both; NULL at the end.
 * @cursor starts at the list and is moved past the item. */
char *tlc_text_next_item (const char **cursor);

/* How many bytes to insert, delete or replace to make @b of @a; G_MAXUINT when either is longer
 * than any word we compare. */
guint tlc_text_distance (const char *a, const char *b);
