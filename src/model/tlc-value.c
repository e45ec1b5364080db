/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: durations, sizes and booleans, from text and back.
 *
 * Everything is counted in integers, with overflow checked, so that 1.5s is exactly 1500000
 * microseconds in every locale, and what cannot be exact is refused, not rounded. Pure functions.
 */
#include "model/tlc-value.h"

#include <string.h>

#include "model/tlc-text.h"

typedef struct {
  const char *name;
  guint64 factor;
} TlcUnit;

/* Largest first: the first unit that divides a value is the one of its canonical text. */
static const TlcUnit tlc_duration_units[] = {
  { "h", G_GUINT64_CONSTANT (3600000000) },
  { "m", 60000000 },
  { "s", 1000000 },
  { "ms", 1000 },
  { "us", 1 },
};

static const TlcUnit tlc_size_units[] = {
  { "MiB", 1024 * 1024 },
  { "KiB", 1024 },
  { "", 1 },
};

/* whole + fraction / scale */
typedef struct {
  guint64 whole;
  guint64 fraction;
  guint64 scale;
} TlcDecimal;

/* Ten to this power, times the microseconds of an hour, still fits 64 bits. */
#define TLC_VALUE_DECIMALS_MAX 9

/* Reads digits, at least one. What does not fit becomes the largest number, which no range has. */
static gboolean
tlc_value_read_digits (const char **cursor, guint64 *ret_number)
{
  const char *at = *cursor;
  guint64 number = 0;

  for (; g_ascii_isdigit (*at); at++)
    if (!g_uint64_checked_mul (&number, number, 10)
        || !g_uint64_checked_add (&number, number, (guint64) g_ascii_digit_value (*at)))
      number = G_MAXUINT64;

  if (at == *cursor)
    return FALSE;
  *cursor = at;
  *ret_number = number;
  return TRUE;
}

/* Reads digits, and decimals behind a point. Zeros at the end say nothing and are not counted. */
static gboolean
tlc_value_read_decimal (const char **cursor, TlcDecimal *ret_decimal)
{
  const char *end;

  *ret_decimal = (TlcDecimal) { 0, 0, 1 };
  if (!tlc_value_read_digits (cursor, &ret_decimal->whole))
    return FALSE;
  if (**cursor != '.')
    return TRUE;

  const char *start = *cursor + 1;
  for (end = start; g_ascii_isdigit (*end); end++)
    ;
  if (end == start)
    return FALSE;
  *cursor = end;

  while (end > start && end[-1] == '0')
    end--;
  if (end - start > TLC_VALUE_DECIMALS_MAX)
    ret_decimal->scale = 0; /* finer than any unit divides */
  else
    for (; start < end; start++)
      {
        ret_decimal->fraction = ret_decimal->fraction * 10 + (guint64) g_ascii_digit_value (*start);
        ret_decimal->scale *= 10;
      }
  return TRUE;
}

static const TlcUnit *
tlc_value_find_unit (const TlcUnit *units, gsize n_units, const char *name)
{
  for (gsize i = 0; i < n_units; i++)
    if (g_str_equal (units[i].name, name))
      return &units[i];
  return NULL;
}

/* The canonical text of @value: no decimals, the largest unit that divides it. */
static char *
tlc_value_format_units (const TlcUnit *units, guint64 value)
{
  while (value % units->factor != 0)
    units++;
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value / units->factor, units->name);
}

static gboolean
tlc_value_refuse_range (const char *text, const char *noun, const char *min, const char *max,
                        GError **error)
{
  tlc_text_refuse (error, text, "out of range; a %s from %s to %s is right here", noun, min, max);
  return FALSE;
}

static gboolean
tlc_value_check_duration (const char *text, guint64 us, gint64 min_us, gint64 max_us,
                          GError **error)
{
  if (us >= (guint64) min_us && us <= (guint64) max_us)
    return TRUE;

  g_autofree char *min = tlc_value_format_duration (min_us);
  g_autofree char *max = tlc_value_format_duration (max_us);

  return tlc_value_refuse_range (text, "duration", min, max, error);
}

#define TLC_VALUE_DURATION_EXAMPLES "such as 250ms, 5s or 1m"

gboolean
tlc_value_parse_duration (const char *text, gint64 min_us, gint64 max_us, gint64 *ret_us,
                          GError **error)
{
  const char *rest = text;
  const TlcUnit *unit;
  TlcDecimal number;
  guint64 us;

  /* None at all needs no unit, where that is right. */
  if (min_us == 0 && strcmp (text, "0") == 0)
    {
      *ret_us = 0;
      return TRUE;
    }
  if (!tlc_value_read_decimal (&rest, &number))
    {
      tlc_text_refuse (error, text,
                       "a duration is a number and a unit, " TLC_VALUE_DURATION_EXAMPLES);
      return FALSE;
    }
  unit = tlc_value_find_unit (tlc_duration_units, G_N_ELEMENTS (tlc_duration_units), rest);
  if (unit == NULL)
    {
      if (*rest == '\0')
        tlc_text_refuse (error, text, "a duration needs a unit, " TLC_VALUE_DURATION_EXAMPLES);
      else
        tlc_text_refuse (error, text,
                         "the unit of a duration is us, ms, s, m or h, right behind the number, "
                         TLC_VALUE_DURATION_EXAMPLES);
      return FALSE;
    }
  if (number.scale == 0 || number.fraction * unit->factor % number.scale != 0)
    {
      tlc_text_refuse (error, text, "not a whole number of microseconds; give fewer decimals, "
                       TLC_VALUE_DURATION_EXAMPLES);
      return FALSE;
    }

  if (!g_uint64_checked_mul (&us, number.whole, unit->factor)
      || !g_uint64_checked_add (&us, us, number.fraction * unit->factor / number.scale))
    us = G_MAXUINT64;
  if (!tlc_value_check_duration (text, us, min_us, max_us, error))
    return FALSE;
  *ret_us = (gint64) us;
  return TRUE;
}

char *
tlc_value_format_duration (gint64 us)
{
  return us == 0 ? g_strdup ("0") : tlc_value_format_units (tlc_duration_units, (guint64) us);
}

gboolean
tlc_value_parse_size (const char *text, gsize min, gsize max, gsize *ret_bytes, GError **error)
{
  const char *rest = text;
  const TlcUnit *unit = NULL;
  guint64 bytes;

  if (tlc_value_read_digits (&rest, &bytes))
    unit = tlc_value_find_unit (tlc_size_units, G_N_ELEMENTS (tlc_size_units), rest);
  if (unit == NULL)
    {
      tlc_text_refuse (error, text, "a size is a whole number of bytes, KiB or MiB, "
                       "such as 65536, 64KiB or 16MiB");
      return FALSE;
    }

  if (!g_uint64_checked_mul (&bytes, bytes, unit->factor) || bytes < min || bytes > max)
    {
      g_autofree char *least = tlc_value_format_size (min);
      g_autofree char *most = tlc_value_format_size (max);

      return tlc_value_refuse_range (text, "size", least, most, error);
    }
  *ret_bytes = (gsize) bytes;
  return TRUE;
}

char *
tlc_value_format_size (gsize bytes)
{
  return tlc_value_format_units (tlc_size_units, bytes);
}

/* A whole number with @unit right behind it. */
static gboolean
tlc_value_parse_integer (const char *text, const char *unit, guint min, guint max,
                         guint *ret_value, GError **error)
{
  const char *rest = text;
  guint64 value;

  if (tlc_value_read_digits (&rest, &value) && g_str_equal (rest, unit) && value >= min
      && value <= max)
    {
      *ret_value = (guint) value;
      return TRUE;
    }
  tlc_text_refuse (error, text, "write a whole number from %u%s to %u%s", min, unit, max, unit);
  return FALSE;
}

gboolean
tlc_value_parse_count (const char *text, guint min, guint max, guint *ret_count, GError **error)
{
  return tlc_value_parse_integer (text, "", min, max, ret_count, error);
}

gboolean
tlc_value_parse_percent (const char *text, guint min, guint max, guint *ret_percent,
                         GError **error)
{
  return tlc_value_parse_integer (text, "%", min, max, ret_percent, error);
}

gboolean
tlc_value_parse_boolean (const char *text, gboolean *ret_value, GError **error)
{
  if (!g_str_equal (text, "true") && !g_str_equal (text, "false"))
    {
      tlc_text_refuse (error, text, "write true or false");
      return FALSE;
    }
  *ret_value = g_str_equal (text, "true");
  return TRUE;
}

const char *
tlc_value_format_boolean (gboolean value)
{
  return value ? "true" : "false";
}
