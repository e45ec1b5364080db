/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the stock library of one server does differently from all others. A test does not pass over
 * such a thing: it holds that the library still does it, so a difference that is gone shows.
 * docs/interop.md tells them to users, in these words. */

#include <glib.h>

#include "support/tlc-server.h"

G_BEGIN_DECLS

typedef enum {
  TLC_DIFFERENCE_NO_COMPACT,      /* the server does not start with it */
  TLC_DIFFERENCE_UNTYPED_FAILURE, /* an undeclared failure is of type "unknown" */
  TLC_DIFFERENCE_UNTOLD_FAILURE,  /* an undeclared failure loses its message */
  TLC_DIFFERENCE_REFUSED_ENUM,    /* a number without a name is an internal error */
  TLC_DIFFERENCE_LOST_ENUM,       /* a result outside of all names is not sent */
  TLC_DIFFERENCE_LOST_NAN,        /* a result that is a nan is not sent */
} TlcDifference;

#define TLC_DIFFERENCES (TLC_DIFFERENCE_LOST_NAN + 1)

/* Kinds are TlcServerKind, as in tlc-conformance.h. The first is "cpp", "python", ...; the second
 * as people write it. */
const char *tlc_differences_get_name (int kind);
const char *tlc_differences_get_title (int kind);

/* The words for it; %NULL: this server does as the others do. */
const char *tlc_differences_get_text (int kind, TlcDifference difference);

gboolean tlc_differences_has (int kind, TlcDifference difference);

G_END_DECLS
