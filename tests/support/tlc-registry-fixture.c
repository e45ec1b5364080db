/* SPDX-License-Identifier: Apache-2.0 */

/* A registry under test, and who is told what happens to it. */
#include "support/tlc-registry-fixture.h"

#include <string.h>

void
registry_must_load (TlcRegistry *registry, const char *format, ...)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (!tlc_registry_load_data (registry, text, -1, &error))
    ck_abort_msg ("%s", error->message);
}

static void
must_be_error (const GError *error, TlcError code, const char *message)
{
  ck_assert_msg (g_error_matches (error, TLC_ERROR, (int) code), "%d: %s", error->code,
                 error->message);
  ck_assert_int_eq (tlc_error_get_delivery (error), TLC_DELIVERY_NOT_SENT);
  ck_assert_msg (g_pattern_match_simple (message, error->message), "%s", error->message);
}

void
registry_must_refuse (TlcRegistry *registry, TlcError code, const char *message,
                      const char *format, ...)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  ck_assert (!tlc_registry_load_data (registry, text, (gssize) strlen (text), &error));
  must_be_error (error, code, message);
}

TlcService *
registry_get (TlcRegistry *registry, const char *name)
{
  g_autoptr (GError) error = NULL;
  TlcService *service = tlc_registry_get_service (registry, name, TYPE_ECHO_CLIENT, &error);

  if (service == NULL)
    ck_abort_msg ("%s", error->message);
  return service;
}

void
registry_must_not_have (TlcRegistry *registry, const char *name, GType type, TlcError code,
                        const char *message)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (tlc_registry_get_service (registry, name, type, &error));
  must_be_error (error, code, message);
}

void
registry_must_be_served_by (TlcRegistry *registry, const char *name, const char *server)
{
  g_autofree char *who = tlc_echo_who (registry_get (registry, name));

  ck_assert_str_eq (who, server);
}

static void
told_event_free (gpointer data)
{
  ToldEvent *event = data;

  g_free (event->message);
  g_free (event);
}

/* In whose hands the registry is while it is told. */
static void
told_act (Told *told)
{
  g_autoptr (GError) error = NULL;

  if (told->unrefs)
    tlc_registry_unref (told->registry);
  if (!told->is_slow || told->goes_on)
    return;
  told->load_code = tlc_registry_load_data (told->registry, "[a]\nendpoints=unix:@a\n", -1, &error)
                        ? -1
                        : error->code;
  pthread_mutex_lock (&told->lock);
  told->is_inside = TRUE;
  pthread_cond_broadcast (&told->changed);
  while (!told->goes_on)
    pthread_cond_wait (&told->changed, &told->lock);
  pthread_mutex_unlock (&told->lock);
}

static void
told_hear (const TlcEvent *event, gpointer data)
{
  Told *told = data;
  ToldEvent *copy = g_new0 (ToldEvent, 1);

  copy->kind = event->kind;
  copy->generation = event->generation;
  copy->n_lost = event->n_lost;
  copy->message = g_strdup (event->message);
  copy->has_error = event->error != NULL;
  told_act (told);
  pthread_mutex_lock (&told->lock);
  g_ptr_array_add (told->events, copy);
  pthread_cond_broadcast (&told->changed);
  pthread_mutex_unlock (&told->lock);
}

static void
told_end (gpointer data)
{
  Told *told = data;

  pthread_mutex_lock (&told->lock);
  told->is_destroyed = TRUE;
  pthread_cond_broadcast (&told->changed);
  pthread_mutex_unlock (&told->lock);
}

void
told_init (Told *told, TlcRegistry *registry)
{
  memset (told, 0, sizeof *told);
  told->registry = registry;
  pthread_mutex_init (&told->lock, NULL);
  pthread_cond_init (&told->changed, NULL);
  told->events = g_ptr_array_new_with_free_func (told_event_free);
  tlc_registry_set_notify (registry, told_hear, told, told_end);
}

void
told_clear (Told *told, guint n_events)
{
  pthread_mutex_lock (&told->lock);
  while (!told->is_destroyed)
    pthread_cond_wait (&told->changed, &told->lock);
  pthread_mutex_unlock (&told->lock);
  if (told->events->len > n_events)
    ck_abort_msg ("%u events: %s", told->events->len,
                  ((ToldEvent *) told->events->pdata[n_events])->message);
  ck_assert_uint_eq (told->events->len, n_events);
  g_ptr_array_unref (told->events);
  pthread_cond_destroy (&told->changed);
  pthread_mutex_destroy (&told->lock);
}

void
told_await_inside (Told *told)
{
  pthread_mutex_lock (&told->lock);
  while (!told->is_inside)
    pthread_cond_wait (&told->changed, &told->lock);
  pthread_mutex_unlock (&told->lock);
}

void
told_go_on (Told *told)
{
  pthread_mutex_lock (&told->lock);
  told->goes_on = TRUE;
  pthread_cond_broadcast (&told->changed);
  pthread_mutex_unlock (&told->lock);
}

static void
told_wait (Told *told, guint n_events)
{
  pthread_mutex_lock (&told->lock);
  while (told->events->len < n_events)
    pthread_cond_wait (&told->changed, &told->lock);
  pthread_mutex_unlock (&told->lock);
}

void
told_must_have (Told *told, guint n_events)
{
  told_wait (told, n_events);
  ck_assert_uint_eq (told->events->len, n_events);
}

void
told_must_be (Told *told, guint index, TlcEventKind kind, guint64 generation, const char *message)
{
  const ToldEvent *event;

  told_wait (told, index + 1);
  event = told->events->pdata[index];
  ck_assert_int_eq (event->kind, kind);
  ck_assert_msg (g_pattern_match_simple (message, event->message), "%s", event->message);
  ck_assert_uint_eq (event->generation, generation);
  ck_assert_int_eq (event->has_error, kind == TLC_EVENT_REJECTED);
}

guint
told_sum_lost (Told *told)
{
  guint n = 0;

  for (guint i = 0; i < told->events->len; i++)
    n += ((ToldEvent *) told->events->pdata[i])->n_lost;
  return n;
}
