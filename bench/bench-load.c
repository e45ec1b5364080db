/* SPDX-License-Identifier: Apache-2.0 */

/* Each thread counts in memory of its own, which it alone writes and bench_load_read() reads,
 * relaxed. What threads and starter tell each other, gate, failures and the first error, is under
 * the mutex, a pthread one because ThreadSanitizer does not see GLib's. */

#include "bench-load.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <time.h>

#include "bench-harness.h"

/* Call times in buckets a 64th of an octave wide, 1.6 % at most, from 1 ns to 2^40 ns (18 minutes).
 */
#define BENCH_LOAD_SUB_BITS 6
#define BENCH_LOAD_BUCKETS (40 << BENCH_LOAD_SUB_BITS)
#define BENCH_LOAD_LINE 64

typedef struct {
  alignas (BENCH_LOAD_LINE) BenchLoad *load;
  guint number;
  pthread_t thread;
  /* this thread writes; bench_load_read() reads, relaxed */
  _Atomic guint64 buckets[BENCH_LOAD_BUCKETS];
} BenchLoadThread;

struct _BenchLoad {
  BenchWay *way;
  guint n_threads;
  BenchLoadThread *threads;
  gint64 start_ns;
  gint64 lap_ns;        /* bench_load_lap()'s own, as what follows */
  guint64 *lap_buckets; /* their sum when the last lap ended; NULL: the first goes on */
  atomic_bool stop;     /* bench_load_stop() writes; threads read, relaxed */

  pthread_mutex_t mutex;
  pthread_cond_t changed;
  guint n_ready;    /* under mutex, as what follows */
  gboolean is_open; /* the gate */
  guint n_failures;
  GError *error;
};

static guint
bench_load_bucket (guint64 ns)
{
  guint octave = ns < 2 ? 0 : 63 - (guint) __builtin_clzll (ns);
  guint64 sub = octave < BENCH_LOAD_SUB_BITS ? ns << (BENCH_LOAD_SUB_BITS - octave)
                                             : ns >> (octave - BENCH_LOAD_SUB_BITS);

  sub &= (1 << BENCH_LOAD_SUB_BITS) - 1;
  return MIN ((octave << BENCH_LOAD_SUB_BITS) + (guint) sub, BENCH_LOAD_BUCKETS - 1);
}

/* The upper end of a bucket. */
static double
bench_load_bucket_us (guint bucket)
{
  guint octave = bucket >> BENCH_LOAD_SUB_BITS;
  guint sub = bucket & ((1 << BENCH_LOAD_SUB_BITS) - 1);

  return (double) (G_GUINT64_CONSTANT (1) << octave) *
         (1 + (sub + 1) / (double) (1 << BENCH_LOAD_SUB_BITS)) / 1000;
}

static gboolean
bench_load_call (BenchLoadThread *thread, gint32 a, GError **error)
{
  BenchLoan loan = { NULL, NULL };
  gint32 sum = 0;
  gboolean ok;

  if (!bench_way_borrow (thread->load->way, thread->number, &loan, error))
    return FALSE;
  ok = echo_if_add (loan.echo, &sum, a, (gint32) thread->number, error);
  bench_way_give_back (thread->load->way, &loan);
  if (ok && sum != a + (gint32) thread->number)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "add (%d, %u) answered %d", a,
                   thread->number, sum);
      return FALSE;
    }
  return ok;
}

/* Says that this thread made its first call, or could not, and waits for the others. */
static void
bench_load_pass_gate (BenchLoad *load)
{
  pthread_mutex_lock (&load->mutex);
  load->n_ready++;
  pthread_cond_broadcast (&load->changed);
  while (!load->is_open)
    pthread_cond_wait (&load->changed, &load->mutex);
  pthread_mutex_unlock (&load->mutex);
}

static void
bench_load_fail (BenchLoad *load, GError *error)
{
  pthread_mutex_lock (&load->mutex);
  load->n_failures++;
  if (load->error == NULL)
    load->error = error != NULL ? g_steal_pointer (&error)
                                : g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_FAILED,
                                                       "the call failed without saying why");
  pthread_cond_broadcast (&load->changed);
  pthread_mutex_unlock (&load->mutex);
  g_clear_error (&error);
}

static void *
bench_load_thread (void *data)
{
  BenchLoadThread *thread = data;
  BenchLoad *load = thread->load;
  g_autoptr (GError) error = NULL;
  gboolean ok = bench_load_call (thread, 0, &error);

  bench_load_pass_gate (load);
  for (gint32 i = 1; ok && !atomic_load_explicit (&load->stop, memory_order_relaxed);
       i = (i + 1) & G_MAXINT16)
    {
      gint64 before = bench_now_ns ();

      ok = bench_load_call (thread, i, &error);
      if (ok)
        {
          _Atomic guint64 *bucket =
              &thread->buckets[bench_load_bucket ((guint64) (bench_now_ns () - before))];

          atomic_store_explicit (bucket, atomic_load_explicit (bucket, memory_order_relaxed) + 1,
                                 memory_order_relaxed);
        }
    }
  if (!ok)
    bench_load_fail (load, g_steal_pointer (&error));
  return NULL;
}

static void
bench_load_init_condition (pthread_cond_t *condition)
{
  pthread_condattr_t attributes;

  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (condition, &attributes);
  pthread_condattr_destroy (&attributes);
}

BenchLoad *
bench_load_start (BenchWay *way, guint n_threads)
{
  BenchLoad *load = g_new0 (BenchLoad, 1);

  load->way = way;
  load->threads = g_aligned_alloc0 (n_threads, sizeof (BenchLoadThread), BENCH_LOAD_LINE);
  pthread_mutex_init (&load->mutex, NULL);
  bench_load_init_condition (&load->changed);
  for (guint i = 0; i < n_threads; i++)
    {
      BenchLoadThread *thread = &load->threads[i];
      int code;

      thread->load = load;
      thread->number = i;
      code = pthread_create (&thread->thread, NULL, bench_load_thread, thread);
      if (code != 0)
        {
          bench_load_fail (load, g_error_new (G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                                              "thread %u of %u: %s", i + 1, n_threads,
                                              g_strerror (code)));
          break;
        }
      load->n_threads++;
    }
  pthread_mutex_lock (&load->mutex);
  while (load->n_ready < load->n_threads)
    pthread_cond_wait (&load->changed, &load->mutex);
  load->start_ns = load->lap_ns = bench_now_ns ();
  load->is_open = TRUE;
  pthread_cond_broadcast (&load->changed);
  pthread_mutex_unlock (&load->mutex);
  return load;
}

/* The time of the call of rank @fraction, as if the calls in its bucket were spread evenly. Without
 * that, a ratio of two would be one of few values. */
static double
bench_load_quantile (const guint64 *buckets, guint64 calls, double fraction)
{
  double rank = fraction * (double) calls;
  double seen = 0;

  for (guint i = 0; i < BENCH_LOAD_BUCKETS; i++)
    {
      double inside = (double) buckets[i];

      if (inside > 0 && seen + inside >= rank)
        {
          double low = i > 0 ? bench_load_bucket_us (i - 1) : 0;

          return low + (bench_load_bucket_us (i) - low) * (rank - seen) / inside;
        }
      seen += inside;
    }
  return 0;
}

static guint64 *
bench_load_sum (BenchLoad *load)
{
  guint64 *sum = g_new0 (guint64, BENCH_LOAD_BUCKETS);

  for (guint i = 0; i < load->n_threads; i++)
    for (guint j = 0; j < BENCH_LOAD_BUCKETS; j++)
      sum[j] += atomic_load_explicit (&load->threads[i].buckets[j], memory_order_relaxed);
  return sum;
}

static guint64
bench_load_count_calls (BenchLoadThread *thread)
{
  guint64 calls = 0;

  for (guint j = 0; j < BENCH_LOAD_BUCKETS; j++)
    calls += atomic_load_explicit (&thread->buckets[j], memory_order_relaxed);
  return calls;
}

/* How fair it was. */
static void
bench_load_read_shares (BenchLoad *load, guint64 *ret_least, guint64 *ret_most)
{
  *ret_least = G_MAXUINT64;
  *ret_most = 0;
  for (guint i = 0; i < load->n_threads; i++)
    {
      guint64 calls = bench_load_count_calls (&load->threads[i]);

      *ret_least = MIN (*ret_least, calls);
      *ret_most = MAX (*ret_most, calls);
    }
}

static void
bench_load_fill (BenchLoad *load, const guint64 *buckets, gint64 ns, BenchLoadResult *ret_result)
{
  *ret_result = (BenchLoadResult){ .seconds = (double) ns / 1e9 };
  for (guint j = 0; j < BENCH_LOAD_BUCKETS; j++)
    ret_result->calls += buckets[j];
  ret_result->p50_us = bench_load_quantile (buckets, ret_result->calls, 0.5);
  ret_result->p99_us = bench_load_quantile (buckets, ret_result->calls, 0.99);
  pthread_mutex_lock (&load->mutex);
  ret_result->failures = load->n_failures;
  pthread_mutex_unlock (&load->mutex);
}

void
bench_load_read (BenchLoad *load, BenchLoadResult *ret_result)
{
  gint64 now_ns = bench_now_ns ();
  g_autofree guint64 *sum = bench_load_sum (load);

  bench_load_fill (load, sum, now_ns - load->start_ns, ret_result);
}

void
bench_load_lap (BenchLoad *load, BenchLoadResult *ret_result)
{
  gint64 now_ns = bench_now_ns ();
  guint64 *sum = bench_load_sum (load);
  g_autofree guint64 *lap = g_memdup2 (sum, BENCH_LOAD_BUCKETS * sizeof *sum);

  for (guint j = 0; load->lap_buckets != NULL && j < BENCH_LOAD_BUCKETS; j++)
    lap[j] -= load->lap_buckets[j];
  bench_load_fill (load, lap, now_ns - load->lap_ns, ret_result);
  g_free (load->lap_buckets);
  load->lap_buckets = sum;
  load->lap_ns = now_ns;
}

gboolean
bench_load_wait (BenchLoad *load, gint64 microseconds)
{
  gint64 end_ns = bench_now_ns () + microseconds * 1000;
  struct timespec end = { end_ns / 1000000000, end_ns % 1000000000 };
  gboolean ok;

  pthread_mutex_lock (&load->mutex);
  while (load->n_failures == 0 && pthread_cond_timedwait (&load->changed, &load->mutex, &end) == 0)
    ;
  ok = load->n_failures == 0;
  pthread_mutex_unlock (&load->mutex);
  return ok;
}

gboolean
bench_load_stop (BenchLoad *load, BenchLoadResult *ret_result, GError **error)
{
  BenchLoadResult last;
  guint64 least_calls, most_calls;
  gboolean ok;

  /* Read first: afterwards the time would include waiting for the slowest call. */
  bench_load_read (load, ret_result);
  bench_load_read_shares (load, &least_calls, &most_calls);
  atomic_store_explicit (&load->stop, TRUE, memory_order_relaxed);
  for (guint i = 0; i < load->n_threads; i++)
    pthread_join (load->threads[i].thread, NULL);
  bench_load_read (load, &last);
  ret_result->failures = last.failures;
  ret_result->least_calls = least_calls;
  ret_result->most_calls = most_calls;
  ret_result->all_calls = last.calls + load->n_threads;
  ok = load->n_failures == 0;
  if (load->error != NULL)
    g_propagate_error (error, g_steal_pointer (&load->error));
  pthread_cond_destroy (&load->changed);
  pthread_mutex_destroy (&load->mutex);
  g_aligned_free (load->threads);
  g_free (load->lap_buckets);
  g_free (load);
  return ok;
}

gboolean
bench_load_run (BenchWay *way, guint n_threads, gint64 microseconds, BenchLoadResult *ret_result,
                GError **error)
{
  BenchLoad *load = bench_load_start (way, n_threads);

  bench_load_wait (load, microseconds);
  return bench_load_stop (load, ret_result, error);
}
