/* SPDX-License-Identifier: Apache-2.0 */
/* What a scripted server saw, and the events between it and the test. Everything is under one
 * mutex, each change wakes whoever waits; requests do not change once they are here, and stay. A
 * pthread mutex and not a GMutex, which ThreadSanitizer cannot see. */

#include "support/tlc-script-log.h"

#include <pthread.h>
#include <time.h>

typedef enum {
  TLC_SCRIPT_OPEN,
  TLC_SCRIPT_CLOSED_BY_PEER,
  TLC_SCRIPT_CLOSED_HERE
} TlcScriptEnd;

struct _TlcScriptLog
{
  pthread_mutex_t lock;
  pthread_cond_t changed; /* monotonic */
  gboolean stopped;
  guint32 events;
  GPtrArray *requests; /* of TlcWireRequest */
  GArray *ends;        /* of TlcScriptEnd, one for each connection */
  char *failure;       /* the first */
};

TlcScriptLog *
tlc_script_log_new (void)
{
  TlcScriptLog *log = g_new0 (TlcScriptLog, 1);
  pthread_condattr_t attributes;

  log->requests = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_wire_request_free);
  log->ends = g_array_new (FALSE, TRUE, sizeof (TlcScriptEnd));
  pthread_mutex_init (&log->lock, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&log->changed, &attributes);
  pthread_condattr_destroy (&attributes);
  return log;
}

void
tlc_script_log_free (TlcScriptLog *log)
{
  if (log == NULL)
    return;
  g_ptr_array_unref (log->requests);
  g_array_unref (log->ends);
  pthread_cond_destroy (&log->changed);
  pthread_mutex_destroy (&log->lock);
  g_free (log->failure);
  g_free (log);
}

static void
tlc_script_log_unlock_changed (TlcScriptLog *log)
{
  pthread_cond_broadcast (&log->changed);
  pthread_mutex_unlock (&log->lock);
}

guint
tlc_script_log_add_connection (TlcScriptLog *log)
{
  const TlcScriptEnd open = TLC_SCRIPT_OPEN;
  guint index;

  pthread_mutex_lock (&log->lock);
  index = log->ends->len;
  g_array_append_val (log->ends, open);
  tlc_script_log_unlock_changed (log);
  return index;
}

void
tlc_script_log_add_request (TlcScriptLog *log, TlcWireRequest *request)
{
  pthread_mutex_lock (&log->lock);
  g_ptr_array_add (log->requests, request);
  tlc_script_log_unlock_changed (log);
}

void
tlc_script_log_set_closed (TlcScriptLog *log, guint connection, gboolean by_peer)
{
  TlcScriptEnd *end;

  pthread_mutex_lock (&log->lock);
  end = &g_array_index (log->ends, TlcScriptEnd, connection);
  if (*end == TLC_SCRIPT_OPEN)
    *end = by_peer ? TLC_SCRIPT_CLOSED_BY_PEER : TLC_SCRIPT_CLOSED_HERE;
  tlc_script_log_unlock_changed (log);
}

void
tlc_script_log_fail (TlcScriptLog *log, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  pthread_mutex_lock (&log->lock);
  if (log->failure == NULL)
    log->failure = g_strdup_vprintf (format, arguments);
  tlc_script_log_unlock_changed (log);
  va_end (arguments);
}

void
tlc_script_log_raise (TlcScriptLog *log, guint event)
{
  g_assert (event < 32);
  pthread_mutex_lock (&log->lock);
  log->events |= 1u << event;
  tlc_script_log_unlock_changed (log);
}

gboolean
tlc_script_log_has_event (TlcScriptLog *log, guint event)
{
  gboolean raised;

  g_assert (event < 32);
  pthread_mutex_lock (&log->lock);
  raised = (log->events & 1u << event) != 0;
  pthread_mutex_unlock (&log->lock);
  return raised;
}

void
tlc_script_log_set_stopped (TlcScriptLog *log)
{
  pthread_mutex_lock (&log->lock);
  log->stopped = TRUE;
  tlc_script_log_unlock_changed (log);
}

gboolean
tlc_script_log_is_stopped (TlcScriptLog *log)
{
  gboolean stopped;

  pthread_mutex_lock (&log->lock);
  stopped = log->stopped;
  pthread_mutex_unlock (&log->lock);
  return stopped;
}

/* -- what the test asks -- */

typedef gboolean (*TlcScriptLogTest) (TlcScriptLog *log, guint n);

static gboolean
tlc_script_log_test_event (TlcScriptLog *log, guint n)
{
  return (log->events & 1u << n) != 0;
}

static gboolean
tlc_script_log_test_connections (TlcScriptLog *log, guint n)
{
  return log->ends->len >= n;
}

static gboolean
tlc_script_log_test_requests (TlcScriptLog *log, guint n)
{
  return log->requests->len >= n;
}

static gboolean
tlc_script_log_test_closed (TlcScriptLog *log, guint n)
{
  return n < log->ends->len
         && g_array_index (log->ends, TlcScriptEnd, n) == TLC_SCRIPT_CLOSED_BY_PEER;
}

static gboolean
tlc_script_log_test_ended (TlcScriptLog *log, guint n)
{
  return n < log->ends->len && g_array_index (log->ends, TlcScriptEnd, n) != TLC_SCRIPT_OPEN;
}

/* Waits, with a bound, until @test is true. */
static gboolean
tlc_script_log_wait (TlcScriptLog *log, TlcScriptLogTest test, guint n)
{
  struct timespec until;
  gboolean reached;
  int result = 0;

  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += TLC_SCRIPT_PATIENCE_MS / 1000;
  pthread_mutex_lock (&log->lock);
  while (!(reached = test (log, n)) && result == 0)
    result = pthread_cond_timedwait (&log->changed, &log->lock, &until);
  pthread_mutex_unlock (&log->lock);
  return reached;
}

gboolean
tlc_script_wait (TlcScript *script, guint event)
{
  return tlc_script_log_wait (tlc_script_get_log (script), tlc_script_log_test_event, event);
}

gboolean
tlc_script_wait_connections (TlcScript *script, guint n)
{
  return tlc_script_log_wait (tlc_script_get_log (script), tlc_script_log_test_connections, n);
}

gboolean
tlc_script_wait_requests (TlcScript *script, guint n)
{
  return tlc_script_log_wait (tlc_script_get_log (script), tlc_script_log_test_requests, n);
}

gboolean
tlc_script_wait_closed (TlcScript *script, guint connection)
{
  return tlc_script_log_wait (tlc_script_get_log (script), tlc_script_log_test_closed, connection);
}

gboolean
tlc_script_wait_ended (TlcScript *script, guint connection)
{
  return tlc_script_log_wait (tlc_script_get_log (script), tlc_script_log_test_ended, connection);
}

guint
tlc_script_count_connections (TlcScript *script)
{
  TlcScriptLog *log = tlc_script_get_log (script);
  guint n;

  pthread_mutex_lock (&log->lock);
  n = log->ends->len;
  pthread_mutex_unlock (&log->lock);
  return n;
}

guint
tlc_script_count_requests (TlcScript *script)
{
  TlcScriptLog *log = tlc_script_get_log (script);
  guint n;

  pthread_mutex_lock (&log->lock);
  n = log->requests->len;
  pthread_mutex_unlock (&log->lock);
  return n;
}

gboolean
tlc_script_is_closed (TlcScript *script, guint connection)
{
  TlcScriptLog *log = tlc_script_get_log (script);
  gboolean closed;

  pthread_mutex_lock (&log->lock);
  closed = tlc_script_log_test_closed (log, connection);
  pthread_mutex_unlock (&log->lock);
  return closed;
}

const TlcWireRequest *
tlc_script_get_request (TlcScript *script, guint i)
{
  TlcScriptLog *log = tlc_script_get_log (script);
  const TlcWireRequest *request = NULL;

  pthread_mutex_lock (&log->lock);
  if (i < log->requests->len)
    request = g_ptr_array_index (log->requests, i);
  pthread_mutex_unlock (&log->lock);
  return request;
}

char *
tlc_script_dup_failure (TlcScript *script)
{
  TlcScriptLog *log = tlc_script_get_log (script);
  char *failure;

  pthread_mutex_lock (&log->lock);
  failure = g_strdup (log->failure);
  pthread_mutex_unlock (&log->lock);
  return failure;
}
