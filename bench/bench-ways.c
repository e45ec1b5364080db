/* SPDX-License-Identifier: Apache-2.0 */

/* One struct for all ways: the fields that a way does not need stay NULL. After bench_way_new() the
 * fields are constant; clients[i] belongs to the thread with number i. */

#include "bench-ways.h"

#include <pthread.h>

#include "stock-clients.h"

struct _BenchWay {
  BenchWayKind kind;
  char *endpoint;
  StockLock *lock;
  StockPool *pool;
  GPtrArray *clients; /* of StockClient or NULL, one for each caller */
  TlcService *service;
  gpointer shared; /* the client of @service that all callers use; NULL: each has its own */
  pthread_mutex_t mutex; /* held from borrow to give_back, where there is a shared client */
};

const char *
bench_way_name (BenchWayKind kind)
{
  static const char *const names[BENCH_N_WAYS] = { "lock", "pool", "thread", "tlc" };

  return names[kind];
}

guint
bench_way_count_connections (BenchWayKind kind, guint n_callers, guint pool_size)
{
  switch (kind)
    {
    case BENCH_WAY_LOCK:
      return 1;
    case BENCH_WAY_POOL:
      return pool_size;
    default:
      return n_callers;
    }
}

TlcConfig *
bench_way_make_config (const char *endpoints, GError **error)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();

  if (!tlc_config_set (config, "endpoints", endpoints, error))
    return NULL;
  return g_steal_pointer (&config);
}

static TlcService *
bench_way_make_service (const char *endpoint, GError **error)
{
  g_autoptr (TlcConfig) config = bench_way_make_config (endpoint, error);

  if (config == NULL)
    return NULL;
  return tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
}

BenchWay *
bench_way_new (BenchWayKind kind, const char *endpoint, guint n_callers, guint pool_size,
               GError **error)
{
  g_autoptr (BenchWay) way = g_new0 (BenchWay, 1);
  gboolean ok = TRUE;

  way->kind = kind;
  way->endpoint = g_strdup (endpoint);
  switch (kind)
    {
    case BENCH_WAY_LOCK:
      ok = (way->lock = stock_lock_new (endpoint, error)) != NULL;
      break;
    case BENCH_WAY_POOL:
      ok = (way->pool = stock_pool_new (endpoint, pool_size, error)) != NULL;
      break;
    case BENCH_WAY_THREAD:
      way->clients = g_ptr_array_new_with_free_func ((GDestroyNotify) stock_client_free);
      g_ptr_array_set_size (way->clients, (int) n_callers);
      break;
    case BENCH_WAY_TLC:
    default:
      ok = (way->service = bench_way_make_service (endpoint, error)) != NULL;
      break;
    }
  return ok ? g_steal_pointer (&way) : NULL;
}

BenchWay *
bench_way_new_tlc (const TlcConfig *config, gboolean is_locked, GError **error)
{
  g_autoptr (BenchWay) way = g_new0 (BenchWay, 1);

  way->kind = BENCH_WAY_TLC;
  pthread_mutex_init (&way->mutex, NULL);
  way->service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, error);
  if (way->service == NULL)
    return NULL;
  if (is_locked && (way->shared = tlc_service_get_client (way->service, error)) == NULL)
    return NULL;
  return g_steal_pointer (&way);
}

BenchWay *
bench_way_new_for_service (TlcService *service)
{
  BenchWay *way = g_new0 (BenchWay, 1);

  way->kind = BENCH_WAY_TLC;
  pthread_mutex_init (&way->mutex, NULL);
  way->service = tlc_service_ref (service);
  return way;
}

void
bench_way_free (BenchWay *way)
{
  if (way == NULL)
    return;
  if (way->shared != NULL)
    tlc_thread_detach ();
  stock_lock_free (way->lock);
  stock_pool_free (way->pool);
  g_clear_pointer (&way->clients, g_ptr_array_unref);
  tlc_service_unref (way->service);
  g_free (way->endpoint);
  g_free (way);
}

TlcService *
bench_way_get_service (BenchWay *way)
{
  return way->service;
}

static StockClient *
bench_way_own_client (BenchWay *way, guint caller, GError **error)
{
  gpointer *client = &way->clients->pdata[caller];

  if (*client == NULL)
    *client = stock_client_new (way->endpoint, error);
  return *client;
}

gboolean
bench_way_borrow (BenchWay *way, guint caller, BenchLoan *ret_loan, GError **error)
{
  ret_loan->stock = NULL;
  switch (way->kind)
    {
    case BENCH_WAY_LOCK:
      ret_loan->stock = stock_lock_acquire (way->lock);
      break;
    case BENCH_WAY_POOL:
      ret_loan->stock = stock_pool_acquire (way->pool);
      break;
    case BENCH_WAY_THREAD:
      ret_loan->stock = bench_way_own_client (way, caller, error);
      break;
    case BENCH_WAY_TLC:
    default:
      if (way->shared != NULL)
        pthread_mutex_lock (&way->mutex);
      ret_loan->echo = way->shared != NULL ? way->shared
                                           : tlc_service_get_client (way->service, error);
      return ret_loan->echo != NULL;
    }
  if (ret_loan->stock == NULL)
    return FALSE;
  ret_loan->echo = stock_client_get (ret_loan->stock);
  return TRUE;
}

void
bench_way_give_back (BenchWay *way, const BenchLoan *loan)
{
  if (way->kind == BENCH_WAY_LOCK)
    stock_lock_release (way->lock);
  else if (way->kind == BENCH_WAY_POOL)
    stock_pool_release (way->pool, loan->stock);
  else if (way->shared != NULL)
    pthread_mutex_unlock (&way->mutex);
}
