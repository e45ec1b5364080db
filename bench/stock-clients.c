/* SPDX-License-Identifier: Apache-2.0 */

/* The stock sides of the benches. Mutexes are pthread's: ThreadSanitizer does not see GLib's.
 *
 * A generated client holds its protocols, and a framed transport its socket, without a reference,
 * so a StockClient owns all four and drops them from the client down. */

#include "stock-clients.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/transport/thrift_framed_transport.h>
#include <thrift/c_glib/transport/thrift_socket.h>

struct _StockClient {
  ThriftSocket *socket;
  ThriftTransport *transport;
  ThriftProtocol *protocol;
  EchoIf *echo;
};

struct _StockLock {
  pthread_mutex_t mutex; /* held from acquire to release */
  StockClient *client;
};

struct _StockPool {
  pthread_mutex_t mutex;
  pthread_cond_t returned;
  GPtrArray *idle; /* under mutex */
  GPtrArray *all;  /* owns; constant once made */
};

/* Finalizers of stock sockets and framed transports forget to chain up, and leak for each object.
 * With the repair a leak that LeakSanitizer finds in a bench is ours. Written once, before the
 * first client is made. */
static void (*stock_finalize_socket) (GObject *object);
static void (*stock_finalize_framed) (GObject *object);
static void (*stock_finalize_object) (GObject *object);

static void
stock_repaired_finalize_socket (GObject *object)
{
  stock_finalize_socket (object);
  stock_finalize_object (object);
}

static void
stock_repaired_finalize_framed (GObject *object)
{
  stock_finalize_framed (object);
  stock_finalize_object (object);
}

static void
stock_repair_types (void)
{
  GObjectClass *socket = g_type_class_ref (THRIFT_TYPE_SOCKET);
  GObjectClass *framed = g_type_class_ref (THRIFT_TYPE_FRAMED_TRANSPORT);
  GObjectClass *object = g_type_class_ref (G_TYPE_OBJECT);

  stock_finalize_socket = socket->finalize;
  stock_finalize_framed = framed->finalize;
  stock_finalize_object = object->finalize;
  socket->finalize = stock_repaired_finalize_socket;
  framed->finalize = stock_repaired_finalize_framed;
}

static gboolean
stock_parse_endpoint (const char *endpoint, char **ret_host, guint *ret_port, GError **error)
{
  const char *colon = strrchr (endpoint, ':');
  guint64 port;

  if (!g_str_has_prefix (endpoint, "tcp://") || colon == NULL ||
      !g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &port, NULL))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "'%s' is no endpoint: expected tcp://HOST:PORT", endpoint);
      return FALSE;
    }
  *ret_host
      = g_strndup (endpoint + strlen ("tcp://"), (gsize)(colon - endpoint) - strlen ("tcp://"));
  *ret_port = (guint) port;
  return TRUE;
}

StockClient *
stock_client_new (const char *endpoint, GError **error)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  g_autoptr (StockClient) client = g_new0 (StockClient, 1);
  g_autofree char *host = NULL;
  guint port = 0;
  int on = 1;

  if (!stock_parse_endpoint (endpoint, &host, &port, error))
    return NULL;
  pthread_once (&once, stock_repair_types);
  client->socket = g_object_new (THRIFT_TYPE_SOCKET, "hostname", host, "port", port, NULL);
  client->transport
      = g_object_new (THRIFT_TYPE_FRAMED_TRANSPORT, "transport", client->socket, NULL);
  client->protocol
      = g_object_new (THRIFT_TYPE_BINARY_PROTOCOL, "transport", client->transport, NULL);
  client->echo = g_object_new (TYPE_ECHO_CLIENT, "input_protocol", client->protocol,
                               "output_protocol", client->protocol, NULL);
  if (!thrift_transport_open (client->transport, error))
    return NULL;
  setsockopt (client->socket->sd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return g_steal_pointer (&client);
}

void
stock_client_free (StockClient *client)
{
  if (client == NULL)
    return;
  if (client->transport != NULL && thrift_transport_is_open (client->transport))
    thrift_transport_close (client->transport, NULL);
  g_clear_object (&client->echo);
  g_clear_object (&client->protocol);
  g_clear_object (&client->transport);
  g_clear_object (&client->socket);
  g_free (client);
}

EchoIf *
stock_client_get (StockClient *client)
{
  return client->echo;
}

StockLock *
stock_lock_new (const char *endpoint, GError **error)
{
  g_autoptr (StockClient) client = stock_client_new (endpoint, error);
  StockLock *lock;

  if (client == NULL)
    return NULL;
  lock = g_new0 (StockLock, 1);
  pthread_mutex_init (&lock->mutex, NULL);
  lock->client = g_steal_pointer (&client);
  return lock;
}

void
stock_lock_free (StockLock *lock)
{
  if (lock == NULL)
    return;
  stock_client_free (lock->client);
  pthread_mutex_destroy (&lock->mutex);
  g_free (lock);
}

StockClient *
stock_lock_acquire (StockLock *lock)
{
  pthread_mutex_lock (&lock->mutex);
  return lock->client;
}

void
stock_lock_release (StockLock *lock)
{
  pthread_mutex_unlock (&lock->mutex);
}

StockPool *
stock_pool_new (const char *endpoint, guint size, GError **error)
{
  g_autoptr (StockPool) pool = g_new0 (StockPool, 1);

  pthread_mutex_init (&pool->mutex, NULL);
  pthread_cond_init (&pool->returned, NULL);
  pool->idle = g_ptr_array_new ();
  pool->all = g_ptr_array_new_with_free_func ((GDestroyNotify) stock_client_free);
  for (guint i = 0; i < size; i++)
    {
      StockClient *client = stock_client_new (endpoint, error);

      if (client == NULL)
        return NULL;
      g_ptr_array_add (pool->all, client);
      g_ptr_array_add (pool->idle, client);
    }
  return g_steal_pointer (&pool);
}

void
stock_pool_free (StockPool *pool)
{
  if (pool == NULL)
    return;
  g_ptr_array_unref (pool->idle);
  g_ptr_array_unref (pool->all);
  pthread_cond_destroy (&pool->returned);
  pthread_mutex_destroy (&pool->mutex);
  g_free (pool);
}

StockClient *
stock_pool_acquire (StockPool *pool)
{
  StockClient *client;

  pthread_mutex_lock (&pool->mutex);
  while (pool->idle->len == 0)
    pthread_cond_wait (&pool->returned, &pool->mutex);
  client = g_ptr_array_steal_index_fast (pool->idle, pool->idle->len - 1);
  pthread_mutex_unlock (&pool->mutex);
  return client;
}

void
stock_pool_release (StockPool *pool, StockClient *client)
{
  pthread_mutex_lock (&pool->mutex);
  g_ptr_array_add (pool->idle, client);
  pthread_mutex_unlock (&pool->mutex);
  pthread_cond_signal (&pool->returned);
}
