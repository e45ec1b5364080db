/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The threads of this process, as the kernel sees them: how many have a name, and what one of them
 * does. */
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "model/tlc-clock.h"
#include "support/tlc-check.h"

#define WATCHDOG_US (G_GINT64_CONSTANT (30) * G_USEC_PER_SEC)

/* Those of that name, and of the last one the id. */
static inline guint
tasks_count (const char *name, guint *ret_id)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *id;
  guint n = 0;

  ck_assert_ptr_nonnull (dir);
  while ((id = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/comm", id);
      g_autofree char *comm = NULL;

      /* A thread may end while we look at it. */
      if (!g_file_get_contents (path, &comm, NULL, NULL) || !g_str_equal (g_strchomp (comm), name))
        continue;
      n++;
      *ret_id = (guint) g_ascii_strtoull (id, NULL, 10);
    }
  return n;
}

/* A thread takes its name a little after it was started, and is gone a little after it was joined.
 * The id of the last one. */
static inline guint
tasks_await (const char *name, guint n)
{
  gint64 deadline_us = tlc_clock_now_us () + WATCHDOG_US;
  guint id = 0;

  while (tasks_count (name, &id) != n)
    {
      ck_assert_msg (tlc_clock_now_us () < deadline_us, "%u of %s, not %u", tasks_count (name, &id),
                     name, n);
      poll (NULL, 0, 1);
    }
  return id;
}

/* The number after @key in the thread's status. */
static inline guint64
task_read_status (guint id, const char *key, guint base)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%u/status", id);
  g_autofree char *status = NULL;
  const char *line;

  ck_assert (g_file_get_contents (path, &status, NULL, NULL));
  line = strstr (status, key);
  ck_assert_ptr_nonnull (line);
  return g_ascii_strtoull (line + strlen (key), NULL, base);
}

/* What a thread can block: neither what the kernel keeps, nor glibc, nor valgrind. */
static inline guint64
task_most_blocked (void)
{
  sigset_t all, before;
  guint64 blocked;

  sigfillset (&all);
  ck_assert_int_eq (pthread_sigmask (SIG_SETMASK, &all, &before), 0);
  blocked = task_read_status ((guint) gettid (), "SigBlk:", 16);
  ck_assert_int_eq (pthread_sigmask (SIG_SETMASK, &before, NULL), 0);
  ck_assert_uint_ne (blocked >> (SIGUSR1 - 1) & 1, 0);
  return blocked;
}

/* It blocks all signals. */
static inline void
task_assert_blocks_signals (guint id)
{
  guint64 missing = task_most_blocked () & ~task_read_status (id, "SigBlk:", 16);

  ck_assert_msg (missing == 0, "signals are not blocked: %" G_GINT64_MODIFIER "x", missing);
}
