/* SPDX-License-Identifier: Apache-2.0 */

/* The core of a service: its root, its seats, its ledger, and the number by which threads find
 * their slot. */
#include "client/tlc-core.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "connect/tlc-condemn.h"
#include "connect/tlc-socket.h"
#include "connect/tlc-sweep.h"
#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

/* Cores that exist, by index: a free one is taken again, so that the tables of threads stay
 * short. */
static pthread_mutex_t tlc_core_index_lock = PTHREAD_MUTEX_INITIALIZER;
static TlcCore **tlc_core_index; /* under the lock, as what follows; NULL where it is free */
static guint32 tlc_core_index_size;
static guint64 tlc_core_last_id;

static void
tlc_core_take_index (TlcCore *core)
{
  guint32 index;

  pthread_mutex_lock (&tlc_core_index_lock);
  for (index = 0; index < tlc_core_index_size && tlc_core_index[index] != NULL; index++)
    ;
  if (index == tlc_core_index_size)
    {
      guint32 size = MAX (16, tlc_core_index_size * 2);

      tlc_core_index = g_renew (TlcCore *, tlc_core_index, size);
      memset (tlc_core_index + tlc_core_index_size, 0,
              (size - tlc_core_index_size) * sizeof *tlc_core_index);
      tlc_core_index_size = size;
    }
  tlc_core_index[index] = core;
  core->index = index;
  core->id = ++tlc_core_last_id;
  pthread_mutex_unlock (&tlc_core_index_lock);
}

static void
tlc_core_return_index (TlcCore *core)
{
  pthread_mutex_lock (&tlc_core_index_lock);
  tlc_core_index[core->index] = NULL;
  pthread_mutex_unlock (&tlc_core_index_lock);
}

static TlcCore *
tlc_core_from_reclaim (TlcJob *job)
{
  return (TlcCore *) ((char *) job - offsetof (TlcCore, reclaim));
}

static TlcCore *
tlc_core_from_watch (TlcJob *job)
{
  return (TlcCore *) ((char *) job - offsetof (TlcCore, watch));
}

/* The job's reference first: it may be over before we could take it. */
static void
tlc_core_schedule (TlcCore *core, TlcJob *job, gint64 due_us)
{
  if (!tlc_keeper_schedule (job, due_us))
    tlc_core_unref (core);
}

/* Goes on with @job when @fd is writable, unless it is -1, and at @due_us at the latest, unless that is
 * G_MAXINT64. */
static void
tlc_core_wait_for (TlcCore *core, TlcJob *job, int fd, gint64 due_us)
{
  if (fd < 0 && due_us == G_MAXINT64)
    return;
  tlc_core_ref (core);
  if (fd < 0)
    tlc_core_schedule (core, job, due_us);
  else if (!tlc_keeper_schedule_io (job, fd, POLLOUT, due_us))
    tlc_core_unref (core);
}

/* After a change, on the keeper: snapshots that no reader can reach any more. It may wait for long
 * where the host program's readers do. */
static void
tlc_core_reclaim (TlcJob *job)
{
  tlc_root_reclaim (tlc_core_from_reclaim (job)->branch->root);
}

static void
tlc_core_drop_reclaim (TlcJob *job)
{
  tlc_core_unref (tlc_core_from_reclaim (job));
}

static TlcCore *
tlc_core_from_top_up (TlcJob *job)
{
  return (TlcCore *) ((char *) job - offsetof (TlcCore, top_up_job));
}

/* On the keeper: connections that are opened in advance. */
static void
tlc_core_go_on_topping_up (TlcJob *job)
{
  TlcCore *core = tlc_core_from_top_up (job);
  g_autoptr (TlcSnapshot) current = tlc_branch_read (core->branch);
  TlcTopUpNext next = tlc_top_up_step (&core->top_up, current);

  tlc_core_wait_for (core, job, next.fd, next.due_us);
  /* Calls that go over what was opened here need not dial, and so see to no watch. */
  if (!current->closed)
    tlc_core_keep_watch (core, current->settings);
}

static void
tlc_core_drop_top_up (TlcJob *job)
{
  tlc_core_unref (tlc_core_from_top_up (job));
}

void
tlc_core_top_up (TlcCore *core)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (core->branch);

  if (current->settings->min_connections > 0 && !current->closed && tlc_keeper_start (NULL))
    tlc_core_schedule (tlc_core_ref (core), &core->top_up_job, tlc_clock_now_us ());
}

static TlcCore *
tlc_core_from_probe (TlcJob *job)
{
  return (TlcCore *) ((char *) job - offsetof (TlcCore, probe_job));
}

/* On the keeper: endpoints that may not be well. */
static void
tlc_core_go_on_probing (TlcJob *job)
{
  TlcCore *core = tlc_core_from_probe (job);
  g_autoptr (TlcSnapshot) current = tlc_branch_read (core->branch);
  TlcProberNext next = tlc_prober_step (&core->prober, current);

  tlc_core_wait_for (core, job, next.fd, next.due_us);
}

static void
tlc_core_drop_probe (TlcJob *job)
{
  tlc_core_unref (tlc_core_from_probe (job));
}

/* Without a keeper an ejection ends when its time is over. */
static void
tlc_core_probe (TlcEjector *ejector)
{
  TlcCore *core = (TlcCore *) ((char *) ejector - offsetof (TlcCore, ejector));

  if (tlc_keeper_start (NULL))
    tlc_core_schedule (tlc_core_ref (core), &core->probe_job, tlc_clock_now_us ());
}

/* What begins after a look, a call, a hold or a rest, is to be seen to so much later at the earliest. */
static gint64
tlc_core_watch_interval (const TlcSettings *settings)
{
  gint64 interval_us = MIN (settings->call_timeout_us, settings->hold_timeout_us);

  interval_us = MIN (interval_us, settings->idle_timeout_us);
  return settings->max_age_us > 0 ? MIN (interval_us, settings->max_age_us / 10 * 9) : interval_us;
}

/* Of a service that may be opened again, even now: cuts what close-timeout has not ended of the calls that began
 * before it was closed. Returns when it does. */
static gint64
tlc_core_cut (TlcCore *core, const TlcSnapshot *closed, gint64 now_us)
{
  /* ORDER(core.closed): relaxed; where it is another, there was a change, and the keeper comes again. */
  gint64 closed_us = atomic_load_explicit (&core->closed_us, memory_order_relaxed);
  gint64 cut_us = closed_us + closed->settings->close_timeout_us;

  if (now_us < cut_us)
    return cut_us;
  tlc_condemn_all (&core->seats, TLC_SEATS_STAMP (closed));
  return G_MAXINT64;
}

/* On the keeper: calls and holds that their threads have forgotten, and connections that nobody uses.
 * The next look is when one of them is due, or one that begins after this look may be. */
static void
tlc_core_look_after_seats (TlcJob *job)
{
  TlcCore *core = tlc_core_from_watch (job);
  g_autoptr (TlcSnapshot) current = tlc_branch_read (core->branch);
  gint64 now_us = tlc_clock_now_us ();
  guint n_open;
  gint64 idle_us = tlc_sweep (&core->seats, current->settings, now_us);
  gint64 due_us = tlc_condemn_overdue (&core->seats, core->name, now_us, &n_open);

  tlc_core_top_up (core); /* in place of what was held for too long, or too old */
  due_us = MIN (MIN (due_us, idle_us), now_us + tlc_core_watch_interval (current->settings));
  if (current->closed)
    due_us = MIN (due_us, tlc_core_cut (core, current, now_us));
  /* Who ends it waits by himself. */
  if (n_open > 0 && !tlc_core_is_ended (core))
    tlc_core_schedule (tlc_core_ref (core), job, due_us);
}

static void
tlc_core_drop_watch (TlcJob *job)
{
  tlc_core_unref (tlc_core_from_watch (job));
}

void
tlc_core_keep_watch (TlcCore *core, const TlcSettings *settings)
{
  /* Without a keeper calls are as good; what they leave undone is not looked after. */
  if (tlc_keeper_start (NULL))
    tlc_core_schedule (tlc_core_ref (core), &core->watch,
                       tlc_clock_now_us () + tlc_core_watch_interval (settings));
}

/* Where its threads' choices start: not where those of other processes do. */
static guint64
tlc_core_draw_seed (const TlcCore *core)
{
  return (guint64) tlc_clock_now_us () ^ (guint64) getpid () << 40 ^ (guint64) (gsize) core;
}

TlcCore *
tlc_core_new (const char *name, GType client_type, TlcBranch *branch, const TlcSnapshot *first)
{
  TlcCore *core = g_aligned_alloc0 (1, sizeof (TlcCore), TLC_CACHE_LINE);

  atomic_init (&core->ref_count, 1);
  core->name = g_strdup (name);
  core->client_type = client_type;
  core->branch = branch;
  atomic_init (&core->is_closed, first->closed);
  core->reclaim.run = tlc_core_reclaim;
  core->reclaim.drop = tlc_core_drop_reclaim;
  core->watch.run = tlc_core_look_after_seats;
  core->watch.drop = tlc_core_drop_watch;
  tlc_seats_init (&core->seats, core->branch, first);
  tlc_ledger_init (&core->ledger);
  core->top_up_job.run = tlc_core_go_on_topping_up;
  core->top_up_job.drop = tlc_core_drop_top_up;
  core->probe_job.run = tlc_core_go_on_probing;
  core->probe_job.drop = tlc_core_drop_probe;
  tlc_ejector_init (&core->ejector, &core->seats, core->name, tlc_core_probe);
  tlc_balance_init (&core->balance, &core->seats, &core->ejector, tlc_core_draw_seed (core));
  tlc_prober_init (&core->prober, &core->ejector);
  tlc_top_up_init (&core->top_up, &core->balance, &core->ledger);
  tlc_core_take_index (core);
  return core;
}

TlcCore *
tlc_core_ref (TlcCore *core)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&core->ref_count, 1, memory_order_relaxed);
  return core;
}

void
tlc_core_unref (TlcCore *core)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (atomic_fetch_sub_explicit (&core->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  tlc_core_return_index (core);
  tlc_prober_clear (&core->prober);
  tlc_seats_clear (&core->seats);
  tlc_ledger_clear (&core->ledger);
  tlc_branch_drop (core->branch);
  g_free (core->name);
  g_aligned_free (core);
}

/* With the lock held, which it lets go of while it waits. Takes both over. */
static TlcSnapshot *
tlc_core_make_next_unlocked (TlcCore *core, TlcSettings *settings, GPtrArray *answers,
                             GError **error)
{
  g_autoptr (TlcSettings) own_settings = settings;
  g_autoptr (GPtrArray) own_answers = answers;
  TlcSnapshot *next;

  if (!tlc_root_wait_for_room_unlocked (core->branch->root, tlc_clock_now_us ()
                                                        + TLC_CORE_ROOM_TIMEOUT_MS * 1000))
    {
      tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                     "service %s: %d earlier configurations are still being read after %d ms: some "
                     "thread stays inside an RCU read section",
                     core->name, TLC_ROOT_REPLACED_MAX, TLC_CORE_ROOM_TIMEOUT_MS);
      return NULL;
    }
  if (tlc_branch_peek_unlocked (core->branch)->closed)
    {
      tlc_error_set (error, TLC_ERROR_CLOSED, TLC_DELIVERY_NOT_SENT, "service %s: the service is closed",
                     core->name);
      return NULL;
    }
  if (!tlc_settings_check_change (tlc_branch_peek_unlocked (core->branch)->settings, settings,
                                  core->name, error))
    return NULL;
  next = tlc_branch_make_next_unlocked (core->branch, g_steal_pointer (&own_settings),
                                      g_steal_pointer (&own_answers), error);
  if (next == NULL)
    g_prefix_error (error, "service %s: ", core->name);
  return next;
}

void
tlc_core_announce_unlocked (TlcCore *core, const TlcSnapshot *next)
{
  /* ORDER(core.closed): relaxed; for the errors of calls that are cut. What keeps calls away is the
   * snapshot. */
  atomic_store_explicit (&core->is_closed, next->closed, memory_order_relaxed);
  /* ORDER(core.closed): relaxed; the keeper comes after the change. */
  atomic_store_explicit (&core->closed_us, tlc_clock_now_us (), memory_order_relaxed);
  tlc_seats_announce_unlocked (&core->seats, next);
}

static void
tlc_core_publish_unlocked (TlcCore *core, TlcSnapshot *next)
{
  tlc_core_announce_unlocked (core, next);
  tlc_branch_publish_unlocked (core->branch, next);
}

/* An endpoint that was probed may be gone, or be back. */
static void
tlc_core_follow_endpoints (TlcCore *core)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (core->branch);
  gint64 now_us = tlc_clock_now_us ();

  tlc_keeper_hasten (&core->probe_job, now_us);
  for (guint i = 0; i < current->endpoints->len; i++)
    if (tlc_endpoint_wants_probe (current->endpoints->pdata[i], now_us))
      {
        tlc_core_probe (&core->ejector);
        return;
      }
}

void
tlc_core_follow_change (TlcCore *core)
{
  if (tlc_core_is_closed (core))
    tlc_queue_close (&core->seats);
  tlc_seats_follow_change (&core->seats);
  /* What was far off may be due now; where it is closed, they would keep us for as long as they are not. */
  tlc_keeper_hasten (&core->watch, tlc_clock_now_us ());
  /* A dial that is under way may go where the change has removed the endpoint. */
  tlc_keeper_hasten (&core->top_up_job, tlc_clock_now_us ());
  tlc_core_top_up (core);
  tlc_core_follow_endpoints (core);
}

gboolean
tlc_core_reconfigure (TlcCore *core, TlcSettings *settings, GPtrArray *answers, GError **error)
{
  TlcSnapshot *next;

  tlc_root_lock ();
  next = tlc_core_make_next_unlocked (core, settings, answers, error);
  if (next != NULL)
    tlc_core_publish_unlocked (core, next);
  tlc_root_unlock ();
  if (next == NULL)
    return FALSE;
  tlc_core_schedule (tlc_core_ref (core), &core->reclaim, tlc_clock_now_us ());
  tlc_core_follow_change (core);
  return TRUE;
}

void
tlc_core_end (TlcCore *core)
{
  TlcSnapshot *current;

  tlc_root_lock ();
  /* ORDER(core.closed): relaxed; tells threads that they may let go, whenever they see it. */
  atomic_store_explicit (&core->is_ended, true, memory_order_relaxed);
  current = tlc_branch_peek_unlocked (core->branch);
  if (!current->closed)
    tlc_core_publish_unlocked (core, tlc_snapshot_new_closed (current));
  tlc_root_unlock ();
  tlc_core_follow_change (core);
}

gboolean
tlc_core_is_closed (const TlcCore *core)
{
  /* ORDER(core.closed): relaxed; see tlc_core_announce_unlocked(). */
  return atomic_load_explicit (&core->is_closed, memory_order_relaxed);
}

gboolean
tlc_core_is_ended (const TlcCore *core)
{
  /* ORDER(core.closed): relaxed; see tlc_core_end(). */
  return atomic_load_explicit (&core->is_ended, memory_order_relaxed);
}

/* The first core at or after *@index; NULL: there is none. With the lock held. */
static TlcCore *
tlc_core_next_unlocked (guint32 *index)
{
  while (*index < tlc_core_index_size)
    if (tlc_core_index[(*index)++] != NULL)
      return tlc_core_index[*index - 1];
  return NULL;
}

void
tlc_core_before_fork (void)
{
  TlcCore *core;

  pthread_mutex_lock (&tlc_core_index_lock);
  for (guint32 index = 0; (core = tlc_core_next_unlocked (&index)) != NULL;)
    {
      tlc_ledger_before_fork (&core->ledger);
      tlc_seats_before_fork (&core->seats);
    }
  tlc_ejector_before_fork ();
  tlc_seat_before_fork ();
  tlc_socket_before_fork ();
}

void
tlc_core_after_fork_parent (void)
{
  TlcCore *core;

  tlc_socket_after_fork_parent ();
  tlc_seat_after_fork ();
  tlc_ejector_after_fork ();
  for (guint32 index = 0; (core = tlc_core_next_unlocked (&index)) != NULL;)
    {
      tlc_seats_after_fork_parent (&core->seats);
      tlc_ledger_after_fork_parent (&core->ledger);
    }
  pthread_mutex_unlock (&tlc_core_index_lock);
}

void
tlc_core_after_fork_child (TlcCoreOwn (*peek_own) (const TlcCore *core))
{
  TlcCore *core;

  tlc_socket_after_fork_child ();
  tlc_seat_after_fork ();
  tlc_ejector_after_fork ();
  for (guint32 index = 0; (core = tlc_core_next_unlocked (&index)) != NULL;)
    {
      TlcCoreOwn own = peek_own (core);

      tlc_top_up_after_fork_child (&core->top_up);
      tlc_prober_after_fork_child (&core->prober);
      tlc_seats_after_fork_child (&core->seats, own.claimed);
      tlc_ledger_after_fork_child (&core->ledger, own.counters);
    }
  pthread_mutex_unlock (&tlc_core_index_lock);
}
