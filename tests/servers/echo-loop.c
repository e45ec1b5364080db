/* SPDX-License-Identifier: Apache-2.0
 *
 * Accepts connections and serves each on a thread of its own, as C++'s TThreadedServer does.
 *
 * Who owns what: the loop owns the listening socket; the accepting thread hands each accepted one
 * to its connection thread, whose ThriftSocket closes it. Options, processor and address do not
 * change after echo_loop_new(); connections is under the mutex. Connection threads are detached and
 * touch the loop last when they take themselves off the count.
 *
 * MSG_NOSIGNAL is out of reach inside ThriftSocket: main ignores SIGPIPE.
 */
#include "echo-loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/protocol/thrift_compact_protocol.h>
#include <thrift/c_glib/transport/thrift_buffered_transport.h>
#include <thrift/c_glib/transport/thrift_framed_transport.h>
#include <thrift/c_glib/transport/thrift_socket.h>

#include "echo-dispatch.h"
#include "echo-handler.h"

#define BACKLOG 4096
#define STOP_WAIT_NS 200000000L
#define OUT_OF_FILES_WAIT_US 10000

struct _EchoLoop
{
  const EchoLoopOptions *options;
  EchoProcessor *processor;
  char *address;
  int fd;
  pthread_t acceptor;
  gboolean accepting; /* main thread only */
  guint accepted;     /* acceptor only */

  pthread_mutex_t mutex;
  pthread_cond_t none_left;
  guint connections; /* under mutex */
};

typedef struct
{
  EchoLoop *loop;
  guint number; /* in order of acceptance, from 1 on */
  int fd;
} EchoConnection;

static gboolean
echo_loop_fail (GError **error, const char *what, int number)
{
  g_set_error (error, G_FILE_ERROR, (gint) g_file_error_from_errno (number), "%s: %s", what,
               g_strerror (number));
  return FALSE;
}

static void
echo_loop_unlink (const char *path)
{
  struct stat status;

  if (path != NULL && lstat (path, &status) == 0 && S_ISSOCK (status.st_mode))
    unlink (path);
}

static gboolean
echo_loop_bind_unix (EchoLoop *self, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  const char *path = self->options->unix_path;

  if (strlen (path) >= sizeof address.sun_path)
    return echo_loop_fail (error, path, ENAMETOOLONG);
  strcpy (address.sun_path, path);
  echo_loop_unlink (path);
  self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self->fd < 0 || bind (self->fd, (struct sockaddr *) &address, sizeof address) != 0)
    return echo_loop_fail (error, path, errno);
  self->address = g_strconcat ("unix:", path, NULL);
  return TRUE;
}

static gboolean
echo_loop_bind_tcp (EchoLoop *self, GError **error)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
  socklen_t length = sizeof address;

  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self->fd < 0 || bind (self->fd, (struct sockaddr *) &address, sizeof address) != 0
      || getsockname (self->fd, (struct sockaddr *) &address, &length) != 0)
    return echo_loop_fail (error, "127.0.0.1", errno);
  self->address = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (address.sin_port));
  return TRUE;
}

static void
echo_loop_free (EchoLoop *self)
{
  if (self->fd >= 0)
    close (self->fd);
  pthread_cond_destroy (&self->none_left);
  pthread_mutex_destroy (&self->mutex);
  g_free (self->address);
  g_free (self);
}

EchoLoop *
echo_loop_new (const EchoLoopOptions *options, EchoProcessor *processor, GError **error)
{
  EchoLoop *self = g_new0 (EchoLoop, 1);
  gboolean bound;

  self->options = options;
  self->processor = processor;
  self->fd = -1;
  pthread_mutex_init (&self->mutex, NULL);
  pthread_cond_init (&self->none_left, NULL);

  bound = options->unix_path != NULL ? echo_loop_bind_unix (self, error)
                                     : echo_loop_bind_tcp (self, error);
  if (bound && listen (self->fd, BACKLOG) != 0)
    bound = echo_loop_fail (error, "listen", errno);
  if (!bound)
    g_clear_pointer (&self, echo_loop_free);
  return self;
}

const char *
echo_loop_get_address (EchoLoop *self)
{
  return self->address;
}

/* A compact protocol that failed inside a struct keeps a node for each level and never frees it. */
static void
echo_loop_clear_protocol (GObject **protocol)
{
  if (THRIFT_IS_COMPACT_PROTOCOL (*protocol))
    g_queue_clear (&THRIFT_COMPACT_PROTOCOL (*protocol)->_last_field);
  g_clear_object (protocol);
}

/* Requests one after the other until the peer closes or sends what cannot be understood.
 * The protocol does hold its transport; the transport does not hold the socket. */
static void
echo_loop_serve (EchoLoop *self, int fd)
{
  ThriftSocket *socket = g_object_new (THRIFT_TYPE_SOCKET, NULL);
  GType transport_type = self->options->buffered ? THRIFT_TYPE_BUFFERED_TRANSPORT
                                                 : THRIFT_TYPE_FRAMED_TRANSPORT;
  GType protocol_type = self->options->compact ? THRIFT_TYPE_COMPACT_PROTOCOL
                                               : THRIFT_TYPE_BINARY_PROTOCOL;
  g_autoptr (GObject) transport = NULL;
  g_autoptr (GObject) in = NULL;
  g_autoptr (GObject) out = NULL;
  GError *error = NULL;

  socket->sd = fd;
  transport = g_object_new (transport_type, "transport", socket, NULL);
  in = g_object_new (protocol_type, "transport", transport, NULL);
  out = g_object_new (protocol_type, "transport", transport, NULL);

  /* TRUE with an error: framed flush failed and did not say so */
  while (echo_dispatch (self->processor, self->options->multiplexed_name, THRIFT_PROTOCOL (in),
                        THRIFT_PROTOCOL (out), &error)
         && error == NULL)
    continue;
  g_clear_error (&error);

  echo_loop_clear_protocol (&out);
  echo_loop_clear_protocol (&in);
  g_clear_object (&transport);
  g_object_unref (socket); /* closes fd */
}

static void
echo_loop_count (EchoLoop *self, int change)
{
  pthread_mutex_lock (&self->mutex);
  self->connections += (guint) change;
  if (self->connections == 0)
    pthread_cond_signal (&self->none_left);
  pthread_mutex_unlock (&self->mutex);
}

static void *
echo_loop_connection_main (void *data)
{
  EchoConnection *connection = data;
  EchoLoop *self = connection->loop;
  int fd = connection->fd;

  if (self->options->number_connections)
    echo_server_handler_number_thread (connection->number);
  g_free (connection);
  if (self->options->accept_delay_ms > 0)
    echo_server_sleep_us ((guint64) self->options->accept_delay_ms * 1000);
  echo_loop_serve (self, fd);
  echo_tally_leave (self->options->tally);
  echo_loop_count (self, -1);
  return NULL;
}

static void
echo_loop_spawn (EchoLoop *self, int fd)
{
  EchoConnection *connection = g_new (EchoConnection, 1);
  pthread_attr_t attr;
  pthread_t thread;
  int rc;

  connection->loop = self;
  connection->fd = fd;
  connection->number = ++self->accepted;
  echo_tally_enter (self->options->tally);
  echo_loop_count (self, 1);
  pthread_attr_init (&attr);
  pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  rc = pthread_create (&thread, &attr, echo_loop_connection_main, connection);
  pthread_attr_destroy (&attr);
  if (rc != 0)
    {
      g_printerr ("echo-server-c: no thread for a connection: %s\n", g_strerror (rc));
      close (fd);
      g_free (connection);
      echo_tally_leave (self->options->tally);
      echo_loop_count (self, -1);
    }
}

static void *
echo_loop_accept_main (void *data)
{
  EchoLoop *self = data;
  const int on = 1;

  for (;;)
    {
      int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC);

      if (fd >= 0)
        {
          if (self->options->unix_path == NULL)
            setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          echo_loop_spawn (self, fd);
        }
      else if (errno == EINVAL || errno == EBADF)
        return NULL; /* shut down by echo_loop_stop() */
      else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        echo_server_sleep_us (OUT_OF_FILES_WAIT_US); /* until connections close */
    }
}

gboolean
echo_loop_start (EchoLoop *self, GError **error)
{
  int rc = pthread_create (&self->acceptor, NULL, echo_loop_accept_main, self);

  if (rc != 0)
    return echo_loop_fail (error, "pthread_create", rc);
  self->accepting = TRUE;
  return TRUE;
}

gboolean
echo_loop_stop (EchoLoop *self)
{
  struct timespec until;
  guint left;
  int rc = 0;

  shutdown (self->fd, SHUT_RDWR); /* wakes accept() with EINVAL */
  if (self->accepting)
    pthread_join (self->acceptor, NULL);
  echo_loop_unlink (self->options->unix_path);

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_nsec += STOP_WAIT_NS;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  pthread_mutex_lock (&self->mutex);
  while (self->connections > 0 && rc == 0)
    rc = pthread_cond_timedwait (&self->none_left, &self->mutex, &until);
  left = self->connections;
  pthread_mutex_unlock (&self->mutex);
  if (left > 0)
    return FALSE;
  echo_loop_free (self);
  return TRUE;
}
