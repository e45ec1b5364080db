/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Values of echo.thrift to send: the first few of each type are its edges, those after them are
 * spread over what it can hold. A value depends on its number alone, so two specimens of one
 * number are equal, and so is the order of their hash tables.
 *
 * All that is returned belongs to the caller, made as generated code makes it. */

#include <glib.h>

#include "echo.h"

G_BEGIN_DECLS

/* So many values of each type are edges. */
#define TLC_SPECIMEN_I8_EDGES 5
#define TLC_SPECIMEN_I16_EDGES 6
#define TLC_SPECIMEN_I32_EDGES 6
#define TLC_SPECIMEN_I64_EDGES 8
#define TLC_SPECIMEN_DOUBLE_EDGES 18
#define TLC_SPECIMEN_STRING_EDGES 5
#define TLC_SPECIMEN_BINARY_EDGES 4

gint8 tlc_specimen_i8 (guint i);
gint16 tlc_specimen_i16 (guint i);
gint32 tlc_specimen_i32 (guint i);
gint64 tlc_specimen_i64 (guint i);
double tlc_specimen_double (guint i);
Color tlc_specimen_color (guint i);
/* UTF-8; the empty one is number 0 */
char *tlc_specimen_string (guint i);
/* That many bytes: lower case letters, or each value a byte can have, NUL among them. */
char *tlc_specimen_long_string (gsize length);
GByteArray *tlc_specimen_long_binary (guint length);
/* Short ones; the empty one is number 0. */
GByteArray *tlc_specimen_binary (guint i);

/* @n elements or entries */
GArray *tlc_specimen_list (guint n);
GHashTable *tlc_specimen_set (guint n);
GHashTable *tlc_specimen_map (guint n);

Point *tlc_specimen_point (guint i);
/* @depth nodes below each other, each with @width children, all but one of them leaves. */
Tree *tlc_specimen_tree (guint depth, guint width);
/* Scalars are number @n, containers have @n elements, optional fields are set when @n is odd. */
Everything *tlc_specimen_everything (guint n);

G_END_DECLS
