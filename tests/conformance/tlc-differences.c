/* SPDX-License-Identifier: Apache-2.0 */

/* The servers, and what is different about each. Nothing here has state. */
#include "conformance/tlc-differences.h"

typedef struct {
  const char *name;
  const char *title;
} TlcDifferencesServer;

static const TlcDifferencesServer tlc_differences_servers[TLC_SERVER_KINDS] = {
  [TLC_SERVER_CPP] = { "cpp", "C++" },
  [TLC_SERVER_PYTHON] = { "python", "Python" },
  [TLC_SERVER_C] = { "c", "C (c_glib)" },
  [TLC_SERVER_GO] = { "go", "Go" },
  [TLC_SERVER_RUBY] = { "ruby", "Ruby" },
  [TLC_SERVER_PERL] = { "perl", "Perl" },
};

typedef struct {
  TlcServerKind kind;
  TlcDifference difference;
  const char *text;
} TlcDifferencesRow;

static const TlcDifferencesRow tlc_differences_rows[] = {
  { TLC_SERVER_CPP, TLC_DIFFERENCE_UNTYPED_FAILURE,
    "C++ gives a failure that is not declared the type \"unknown\" (0); the others say \"internal "
    "error\" (6)." },
  { TLC_SERVER_C, TLC_DIFFERENCE_LOST_ENUM,
    "A result is a property of an object in c_glib's generated server, and has a range: of a "
    "number below the first enumerator or above the last nothing is sent, which c_glib's "
    "generated client takes for success, and leaves the caller's variable alone. Within a struct "
    "it passes." },
  { TLC_SERVER_C, TLC_DIFFERENCE_LOST_NAN,
    "For the same reason c_glib sends nothing of a result that is a NaN. Within a struct it "
    "passes." },
  { TLC_SERVER_RUBY, TLC_DIFFERENCE_UNTOLD_FAILURE,
    "Ruby answers every failure that is not declared with \"Internal error\" and keeps the message "
    "to itself." },
  { TLC_SERVER_RUBY, TLC_DIFFERENCE_REFUSED_ENUM,
    "Ruby's generated code refuses a number that is no enumerator, wherever it is, with \"Internal "
    "error\"; that includes the 0 of an enum field that a C caller left alone." },
  { TLC_SERVER_PERL, TLC_DIFFERENCE_NO_COMPACT, "Perl's library has no compact protocol." },
};

const char *
tlc_differences_get_name (int kind)
{
  return tlc_differences_servers[kind].name;
}

const char *
tlc_differences_get_title (int kind)
{
  return tlc_differences_servers[kind].title;
}

const char *
tlc_differences_get_text (int kind, TlcDifference difference)
{
  for (gsize i = 0; i < G_N_ELEMENTS (tlc_differences_rows); i++)
    if ((int) tlc_differences_rows[i].kind == kind
        && tlc_differences_rows[i].difference == difference)
      return tlc_differences_rows[i].text;
  return NULL;
}

gboolean
tlc_differences_has (int kind, TlcDifference difference)
{
  return tlc_differences_get_text (kind, difference) != NULL;
}
