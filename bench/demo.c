/* SPDX-License-Identifier: Apache-2.0 */

/* The demo: sixteen threads call through TLC for ten seconds, with a live line, while their service
 * is moved from one server to the other and back, and one of the two is restarted (demo-swap.c);
 * then the three ways to call from many threads are measured against each other (demo-table.c).
 * scripts/demo runs it; about 20 seconds. Ends with 1 as soon as a call fails. */

#include "demo.h"

#include <stdio.h>

#include "bench-server.h"

#define DEMO_SPARE_DESCRIPTORS 32 /* of the server or of us, besides connections */

/* Connections of the pool and of TLC are open at the same time, and the server has the other ends.
 */
static guint
demo_fit_threads (guint wanted, guint descriptors)
{
  guint fitting = descriptors > DEMO_SPARE_DESCRIPTORS + 8
                      ? (descriptors - DEMO_SPARE_DESCRIPTORS) / 2
                      : 4;

  if (fitting < wanted)
    printf ("This system allows %u open files: at most %u threads instead of %u.\n\n", descriptors,
            fitting, wanted);
  return MIN (fitting, wanted);
}

int
main (int argc, char **argv)
{
  DemoOptions options = { .half_us = 4350000,
                          .away_us = 1000000,
                          .swap_us = 200000,
                          .round_us = 500000,
                          .max_threads = 64 };
  const GOptionEntry entries[] = {
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options.smoke, "Very short, to see that it works", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- shows what TLC is for");
  g_autoptr (GError) error = NULL;
  gboolean ok;

  g_option_context_add_main_entries (context, entries, NULL);
  ok = g_option_context_parse (context, &argc, &argv, &error);
  if (options.smoke)
    options = (DemoOptions){ .smoke = TRUE,
                             .half_us = 60000,
                             .away_us = 30000,
                             .swap_us = 10000,
                             .round_us = 20000,
                             .max_threads = 4 };
  options.max_threads = demo_fit_threads (options.max_threads, bench_raise_descriptor_limit ());
  ok = ok && demo_swap_run (&options, &error) && demo_table_run (&options, &error);
  if (!ok)
    fprintf (stderr, "demo: %s\n", error->message);
  return ok ? 0 : 1;
}
