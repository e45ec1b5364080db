/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What came back against what was sent: each fails the test at the first difference, and names
 * the field. Doubles are equal when their bits are. */

#include <glib.h>

#include "echo.h"

G_BEGIN_DECLS

void tlc_compare_doubles (double back, double sent);
void tlc_compare_strings (const char *back, const char *sent, const char *what);
void tlc_compare_binaries (const GByteArray *back, const GByteArray *sent, const char *what);

/* Lists of numbers, whatever their size. */
void tlc_compare_arrays (GArray *back, GArray *sent, const char *what);

/* Sets; and maps to numbers. */
void tlc_compare_sets (GHashTable *back, GHashTable *sent, const char *what);
void tlc_compare_i32_maps (GHashTable *back, GHashTable *sent, const char *what);

void tlc_compare_points (const Point *back, const Point *sent, const char *what);
void tlc_compare_trees (const Tree *back, const Tree *sent);
void tlc_compare_everything (const Everything *back, const Everything *sent);

G_END_DECLS
