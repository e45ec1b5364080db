/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of the demo. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gboolean smoke;
  gint64 half_us;    /* of the first part: as long before server A leaves as after it is back */
  gint64 away_us;    /* how long it is away */
  gint64 swap_us;    /* from one reconfiguration to the next */
  gint64 round_us;   /* of the table: one measurement of one way */
  guint max_threads; /* of the table */
} DemoOptions;

/* Threads call while the service is reconfigured from server to server, and one of them restarted.
 * FALSE as soon as a call fails, or a connection is left where none may be. */
gboolean demo_swap_run (const DemoOptions *options, GError **error);

/* The three ways to call from many threads, measured against each other. */
gboolean demo_table_run (const DemoOptions *options, GError **error);

G_END_DECLS
