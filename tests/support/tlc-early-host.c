/* SPDX-License-Identifier: Apache-2.0 */

/* Handlers of fork() as a program would have them that uses liburcu, on either side of the library's. */
#include "support/tlc-early-host.h"

#include <pthread.h>
#include <stdlib.h>

#include <urcu/urcu-bp.h>

atomic_bool tlc_early_host_prepares, tlc_late_host_prepares;

static void
tlc_early_host_before (void)
{
  if (tlc_early_host_prepares)
    urcu_bp_before_fork ();
}

static void
tlc_early_host_after_parent (void)
{
  if (tlc_early_host_prepares)
    urcu_bp_after_fork_parent ();
}

static void
tlc_early_host_after_child (void)
{
  if (tlc_early_host_prepares)
    urcu_bp_after_fork_child ();
}

static void
tlc_early_host_register (void)
{
  if (pthread_atfork (tlc_early_host_before, tlc_early_host_after_parent, tlc_early_host_after_child)
      != 0)
    abort ();
}

/* Before the constructors of the libraries that the program is linked with. */
static void (*const tlc_early_host_first) (void)
    __attribute__ ((section (".preinit_array"), used)) = tlc_early_host_register;

static void
tlc_late_host_before (void)
{
  if (tlc_late_host_prepares)
    urcu_bp_before_fork ();
}

static void
tlc_late_host_after_parent (void)
{
  if (tlc_late_host_prepares)
    urcu_bp_after_fork_parent ();
}

static void
tlc_late_host_after_child (void)
{
  if (tlc_late_host_prepares)
    urcu_bp_after_fork_child ();
}

void
tlc_late_host_register (void)
{
  if (pthread_atfork (tlc_late_host_before, tlc_late_host_after_parent, tlc_late_host_after_child) != 0)
    abort ();
}
