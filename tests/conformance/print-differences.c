/* SPDX-License-Identifier: Apache-2.0 */

/* Prints what the table of docs/interop.md is made of and held against, fields separated by tabs:
 *   server  NAME TITLE      one a kind
 *   without NAME WIRE TEXT  combinations with that protocol do not exist
 *   differs NAME TEXT       any other difference */
#include <stdio.h>

#include "conformance/tlc-differences.h"

int
main (void)
{
  for (int kind = 0; kind < TLC_SERVER_KINDS; kind++)
    {
      const char *name = tlc_differences_get_name (kind);

      printf ("server\t%s\t%s\n", name, tlc_differences_get_title (kind));
      for (guint difference = 0; difference < TLC_DIFFERENCES; difference++)
        {
          const char *text = tlc_differences_get_text (kind, difference);

          if (text != NULL && difference == TLC_DIFFERENCE_NO_COMPACT)
            printf ("without\t%s\tcompact\t%s\n", name, text);
          else if (text != NULL)
            printf ("differs\t%s\t%s\n", name, text);
        }
    }
  return 0;
}
