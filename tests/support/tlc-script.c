/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted server: the test writes the script, then its thread accepts, polls and runs the
 * connections. Steps, listener and connections are the test's until start and the server
 * thread's from then on, until the join; what both sides touch meanwhile is in the log. */

#include "support/tlc-script.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/tlc-script-log.h"
#include "support/tlc-script-peer.h"

#define TLC_SCRIPT_BACKLOG 128

struct _TlcScript
{
  TlcScriptFamily family;
  char *endpoint;
  GPtrArray *programs; /* of GArray of TlcStep: one for each connection */
  int listener;
  int wake; /* eventfd: the test has something for the server */
  pthread_t thread;
  gboolean started;
  GPtrArray *peers; /* of TlcPeer */
  TlcScriptLog *log;
};

static void
tlc_script_step_clear (gpointer data)
{
  TlcStep *step = data;

  tlc_wire_free (step->wire);
  tlc_wire_free (step->after);
}

static void
tlc_script_listen (TlcScript *script)
{
  struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  socklen_t length;

  if (script->family == TLC_SCRIPT_INET)
    {
      length = sizeof in4;
      script->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      g_assert (bind (script->listener, (struct sockaddr *) &in4, length) == 0);
      g_assert (getsockname (script->listener, (struct sockaddr *) &in4, &length) == 0);
      script->endpoint = g_strdup_printf ("tcp://127.0.0.1:%u", ntohs (in4.sin_port));
    }
  else
    {
      /* without a name the kernel picks a free abstract one */
      script->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      g_assert (bind (script->listener, (struct sockaddr *) &un, sizeof un.sun_family) == 0);
      length = sizeof un;
      g_assert (getsockname (script->listener, (struct sockaddr *) &un, &length) == 0);
      length -= (socklen_t) offsetof (struct sockaddr_un, sun_path) + 1;
      script->endpoint = g_strdup_printf ("unix:@%.*s", (int) length, un.sun_path + 1);
    }
  g_assert (listen (script->listener, TLC_SCRIPT_BACKLOG) == 0);
}

TlcScript *
tlc_script_new (TlcScriptFamily family)
{
  TlcScript *script = g_new0 (TlcScript, 1);

  script->family = family;
  script->programs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  script->peers = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_peer_free);
  script->log = tlc_script_log_new ();
  script->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  tlc_script_listen (script);
  return script;
}

TlcScriptLog *
tlc_script_get_log (TlcScript *script)
{
  return script->log;
}

const char *
tlc_script_get_endpoint (TlcScript *script)
{
  return script->endpoint;
}

/* -- the script -- */

void
tlc_script_accept (TlcScript *script)
{
  GArray *steps = g_array_new (FALSE, TRUE, sizeof (TlcStep));

  g_assert (!script->started);
  g_array_set_clear_func (steps, tlc_script_step_clear);
  g_ptr_array_add (script->programs, steps);
}

static void
tlc_script_add (TlcScript *script, TlcStep step)
{
  g_assert (!script->started && script->programs->len > 0);
  g_array_append_val (g_ptr_array_index (script->programs, script->programs->len - 1), step);
}

void
tlc_script_read (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_READ });
}

void
tlc_script_send (TlcScript *script, TlcWire *wire)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_SEND, .wire = wire });
}

void
tlc_script_drip (TlcScript *script, TlcWire *wire, gsize n, guint interval_ms)
{
  TlcStep step = { .kind = TLC_STEP_DRIP, .wire = wire, .n = n, .interval_ms = interval_ms };

  tlc_script_add (script, step);
}

void
tlc_script_answer (TlcScript *script, TlcWire *before, TlcWire *after)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_ANSWER, .wire = before, .after = after });
}

void
tlc_script_serve (TlcScript *script, guint n)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_SERVE, .n = n });
}

void
tlc_script_await (TlcScript *script, guint event)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_AWAIT, .n = event });
}

void
tlc_script_raise (TlcScript *script, guint event)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_RAISE, .n = event });
}

void
tlc_script_half_close (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_HALF_CLOSE });
}

void
tlc_script_close (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_CLOSE });
}

void
tlc_script_reset (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_RESET });
}

void
tlc_script_stall (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_STALL });
}

void
tlc_script_expect_close (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_EXPECT_CLOSE });
}

void
tlc_script_unlisten (TlcScript *script)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_UNLISTEN });
}

void
tlc_script_call (TlcScript *script, TlcScriptFunc func, gpointer user_data)
{
  tlc_script_add (script, (TlcStep){ .kind = TLC_STEP_CALL, .func = func, .user_data = user_data });
}

/* -- the server's thread -- */

void
tlc_script_stop_listening (TlcScript *script)
{
  if (script->listener >= 0)
    close (script->listener);
  script->listener = -1;
}

static void
tlc_script_take_connections (TlcScript *script)
{
  int fd;

  while (script->listener >= 0
         && (fd = accept4 (script->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
    {
      const int on = 1;
      guint index = tlc_script_log_add_connection (script->log);
      GArray *steps;

      if (index < script->programs->len)
        steps = g_ptr_array_index (script->programs, index);
      else
        {
          tlc_script_log_fail (script->log, "connection %u is not in the script", index);
          tlc_script_log_set_closed (script->log, index, FALSE);
          close (fd);
          continue;
        }
      if (script->family == TLC_SCRIPT_INET) /* what a step sends shall go now */
        setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      g_ptr_array_add (script->peers, tlc_peer_new (script, index, fd, steps));
    }
}

/* Waits until a connection, the listener, a due time or the test has something. */
static void
tlc_script_poll (TlcScript *script, GArray *pollfds)
{
  gint64 due_us = G_MAXINT64, now_us;
  struct pollfd *fds;
  eventfd_t value;
  int timeout_ms = -1;

  g_array_set_size (pollfds, script->peers->len + 2);
  fds = (struct pollfd *) (void *) pollfds->data;
  fds[0] = (struct pollfd){ script->wake, POLLIN, 0 };
  fds[1] = (struct pollfd){ script->listener, POLLIN, 0 };
  for (guint i = 0; i < script->peers->len; i++)
    {
      gint64 peer_due_us;

      tlc_peer_watch (g_ptr_array_index (script->peers, i), &fds[i + 2], &peer_due_us);
      due_us = MIN (due_us, peer_due_us);
    }
  now_us = g_get_monotonic_time ();
  if (due_us != G_MAXINT64)
    timeout_ms = (int) ((MAX (due_us - now_us, 0) + 999) / 1000);
  poll (fds, pollfds->len, timeout_ms);
  for (guint i = 0; i < script->peers->len; i++)
    tlc_peer_polled (g_ptr_array_index (script->peers, i), fds[i + 2].revents);
  eventfd_read (script->wake, &value);
}

static gpointer
tlc_script_main (gpointer data)
{
  TlcScript *script = data;
  void (*exempt) (void) = (void (*) (void)) dlsym (RTLD_DEFAULT, "tlc_shim_exempt_thread");
  GArray *pollfds = g_array_new (FALSE, TRUE, sizeof (struct pollfd));

  if (exempt != NULL) /* faults are for the library, not for us */
    exempt ();
  while (!tlc_script_log_is_stopped (script->log))
    {
      tlc_script_take_connections (script);
      for (guint i = 0; i < script->peers->len; i++)
        tlc_peer_run (g_ptr_array_index (script->peers, i));
      tlc_script_poll (script, pollfds);
    }
  g_array_unref (pollfds);
  return NULL;
}

void
tlc_script_start (TlcScript *script)
{
  sigset_t all, before;

  g_assert (!script->started);
  script->started = TRUE;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  g_assert (pthread_create (&script->thread, NULL, tlc_script_main, script) == 0);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
}

void
tlc_script_signal (TlcScript *script, guint event)
{
  tlc_script_log_raise (script->log, event);
  eventfd_write (script->wake, 1);
}

void
tlc_script_free (TlcScript *script)
{
  if (script == NULL)
    return;
  if (script->started)
    {
      tlc_script_log_set_stopped (script->log);
      eventfd_write (script->wake, 1);
      pthread_join (script->thread, NULL);
    }
  g_ptr_array_unref (script->peers);
  g_ptr_array_unref (script->programs);
  tlc_script_log_free (script->log);
  tlc_script_stop_listening (script);
  close (script->wake);
  g_free (script->endpoint);
  g_free (script);
}
