/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The scalar values of settings, from text and back. Each parser refuses what is malformed or
 * outside @min ... @max, by tlc_text_refuse(); each formatter makes the one canonical text of a
 * value. */

/* A number, decimals allowed where they come out exactly, and a unit: us ms s m h. */
gboolean tlc_value_parse_duration (const char *text, gint64 min_us, gint64 max_us, gint64 *ret_us,
                                   GError **error);
char *tlc_value_format_duration (gint64 us);

/* A number of bytes, KiB or MiB. */
gboolean tlc_value_parse_size (const char *text, gsize min, gsize max, gsize *ret_bytes,
                               GError **error);
char *tlc_value_format_size (gsize bytes);

/* A whole number. */
gboolean tlc_value_parse_count (const char *text, guint min, guint max, guint *ret_count,
                                GError **error);
/* A whole number of percent, 20%. */
gboolean tlc_value_parse_percent (const char *text, guint min, guint max, guint *ret_percent,
                                  GError **error);

/* true or false, nothing else. */
gboolean tlc_value_parse_boolean (const char *text, gboolean *ret_value, GError **error);
const char *tlc_value_format_boolean (gboolean value);
