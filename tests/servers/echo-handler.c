/* SPDX-License-Identifier: Apache-2.0
 *
 * The C echo server's handler: who, add, take, fail, and the counted executions.
 *
 * What c_glib's generated processor expects of a handler method:
 *   - *ret holds what the result was born with (an empty container, an object, NULL): either fill
 *     it or release it and put in another; the processor releases what it finds there.
 *   - FALSE with a declared exception set: that is answered. FALSE with a GError: a T_EXCEPTION
 *     of the error's code and message. FALSE with neither: g_warning and a T_EXCEPTION of type 0
 *     without message.
 *   - FALSE from a oneway method leaves half a T_EXCEPTION in the write buffer, in front of the
 *     next reply: note() never fails.
 *
 * Threads: name and delay are constant; executions is under the mutex.
 */
#include "echo-handler.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <thrift/c_glib/thrift_application_exception.h>

#define TAKE_MAX_MS 60000

struct _EchoServerHandler
{
  EchoHandler parent;

  char *name;
  guint delay_us;
  pthread_mutex_t mutex;
  GHashTable *executions; /* request -> how often; under mutex */
};

typedef struct
{
  EchoHandlerClass parent;
} EchoServerHandlerClass;

G_DEFINE_TYPE (EchoServerHandler, echo_server_handler, TYPE_ECHO_HANDLER)

static EchoServerHandler *
echo_server_handler_cast (gpointer iface)
{
  return G_TYPE_CHECK_INSTANCE_CAST (iface, ECHO_SERVER_TYPE_HANDLER, EchoServerHandler);
}

void
echo_server_sleep_us (guint64 microseconds)
{
  struct timespec left = {
    .tv_sec = (time_t) (microseconds / G_USEC_PER_SEC),
    .tv_nsec = (long) (microseconds % G_USEC_PER_SEC) * 1000,
  };

  while (clock_nanosleep (CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
    continue;
}

static _Thread_local guint echo_server_connection; /* 0: nobody wants to know */

void
echo_server_handler_number_thread (guint number)
{
  echo_server_connection = number;
}

static gboolean
echo_server_handler_who (IdentityIf *iface, gchar **ret, GError **error)
{
  const char *name = echo_server_handler_cast (iface)->name;

  g_free (*ret);
  *ret = echo_server_connection == 0 ? g_strdup (name)
                                     : g_strdup_printf ("%s#%u", name, echo_server_connection);
  return TRUE;
}

static gboolean
echo_server_handler_add (EchoIf *iface, gint32 *ret, const gint32 a, const gint32 b, GError **error)
{
  EchoServerHandler *self = echo_server_handler_cast (iface);

  if (self->delay_us > 0)
    echo_server_sleep_us (self->delay_us);
  *ret = (gint32) ((guint32) a + (guint32) b);
  return TRUE;
}

static gboolean
echo_server_handler_ping (EchoIf *iface, GError **error)
{
  return TRUE;
}

static gboolean
echo_server_handler_take (EchoIf *iface, gint32 *ret, const gint32 milliseconds, const gint32 value,
                          GError **error)
{
  echo_server_sleep_us ((guint64) CLAMP (milliseconds, 0, TAKE_MAX_MS) * 1000);
  *ret = value;
  return TRUE;
}

static gboolean
echo_server_handler_fail (EchoIf *iface, gint32 *ret, const gint32 code, Rejected **rejected,
                          NotFound **not_found, GError **error)
{
  switch (code)
    {
    case 0:
      *ret = 0;
      return TRUE;
    case 1:
      *rejected = g_object_new (TYPE_REJECTED, "reason", "rejected", "code", 1, NULL);
      return FALSE;
    case 2:
      *not_found = g_object_new (TYPE_NOT_FOUND, "key", "missing", NULL);
      return FALSE;
    default:
      g_set_error (error, THRIFT_APPLICATION_EXCEPTION_ERROR,
                   THRIFT_APPLICATION_EXCEPTION_ERROR_INTERNAL_ERROR, "fail: code %d", code);
      return FALSE;
    }
}

/* @more is added to the count of @request; returns the new count */
static gint32
echo_server_handler_count (EchoServerHandler *self, const gchar *request, gint32 more)
{
  const gchar *key = request != NULL ? request : "";
  gint32 count;

  pthread_mutex_lock (&self->mutex);
  count = GPOINTER_TO_INT (g_hash_table_lookup (self->executions, key)) + more;
  if (more != 0)
    g_hash_table_insert (self->executions, g_strdup (key), GINT_TO_POINTER (count));
  pthread_mutex_unlock (&self->mutex);
  return count;
}

static gboolean
echo_server_handler_run (EchoIf *iface, gint32 *ret, const gchar *request, GError **error)
{
  *ret = echo_server_handler_count (echo_server_handler_cast (iface), request, 1);
  return TRUE;
}

static gboolean
echo_server_handler_executions (EchoIf *iface, gint32 *ret, const gchar *request, GError **error)
{
  *ret = echo_server_handler_count (echo_server_handler_cast (iface), request, 0);
  return TRUE;
}

static gboolean
echo_server_handler_note (EchoIf *iface, const gchar *request, GError **error)
{
  echo_server_handler_count (echo_server_handler_cast (iface), request, 1);
  return TRUE;
}

static void
echo_server_handler_finalize (GObject *object)
{
  EchoServerHandler *self = echo_server_handler_cast (object);

  g_free (self->name);
  g_hash_table_unref (self->executions);
  pthread_mutex_destroy (&self->mutex);
  G_OBJECT_CLASS (echo_server_handler_parent_class)->finalize (object);
}

static void
echo_server_handler_class_init (EchoServerHandlerClass *klass)
{
  EchoHandlerClass *echo = &klass->parent;

  G_OBJECT_CLASS (klass)->finalize = echo_server_handler_finalize;
  echo->parent.who = echo_server_handler_who;
  echo->add = echo_server_handler_add;
  echo->ping = echo_server_handler_ping;
  echo->take = echo_server_handler_take;
  echo->fail = echo_server_handler_fail;
  echo->run = echo_server_handler_run;
  echo->executions = echo_server_handler_executions;
  echo->note = echo_server_handler_note;
  echo_server_handler_install_values (echo);
}

static void
echo_server_handler_init (EchoServerHandler *self)
{
  pthread_mutex_init (&self->mutex, NULL);
  self->executions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

EchoServerHandler *
echo_server_handler_new (const char *name, guint delay_us)
{
  EchoServerHandler *self = g_object_new (ECHO_SERVER_TYPE_HANDLER, NULL);

  self->name = g_strdup (name);
  self->delay_us = delay_us;
  return self;
}
