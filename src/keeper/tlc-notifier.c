/* SPDX-License-Identifier: Apache-2.0 */

/* The notifier: a queue of events and the function that is told of them.
 *
 * Both are under the workers' lock, and belong to whoever has taken them out of there: the keeper calls the
 * function without the lock, by a listener that stays until the call is over, whoever is told next. */
#include "keeper/tlc-notifier.h"

#include <stdatomic.h>
#include <stddef.h>

#include "keeper/tlc-keeper.h"
#include "model/tlc-clock.h"

/* Who is told. */
typedef struct {
  atomic_int ref_count; /* the notifier's, and the keeper's while it calls */
  TlcNotifyFunc func;
  gpointer data;
  GDestroyNotify destroy;
} TlcListener;

typedef struct _TlcNotice TlcNotice;
struct _TlcNotice {
  TlcNotice *next;
  TlcEvent event;
  char *message, *service;
  GError *error;
};

struct _TlcNotifier {
  atomic_int ref_count; /* any thread */
  TlcJob job;
  /* under the workers' lock: */
  TlcListener *listener; /* NULL: nobody */
  TlcNotice *first, **last;
  guint n_notices, n_lost;
};

static void
tlc_listener_unref (TlcListener *listener)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (listener == NULL
      || atomic_fetch_sub_explicit (&listener->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  if (listener->destroy != NULL)
    listener->destroy (listener->data);
  g_free (listener);
}

static void
tlc_notice_free (TlcNotice *notice)
{
  if (notice == NULL)
    return;
  g_free (notice->message);
  g_free (notice->service);
  g_clear_error (&notice->error);
  g_free (notice);
}

static TlcNotifier *
tlc_notifier_from_job (TlcJob *job)
{
  return (TlcNotifier *) ((char *) job - offsetof (TlcNotifier, job));
}

/* The oldest notice; NULL: there is none. */
static TlcNotice *
tlc_notifier_take_unlocked (TlcNotifier *notifier)
{
  TlcNotice *notice = notifier->first;

  if (notice == NULL)
    return NULL;
  notifier->first = notice->next;
  if (notifier->first == NULL)
    notifier->last = &notifier->first;
  notifier->n_notices--;
  return notice;
}

/* The next to be told, and who is; FALSE: there is nothing to tell, or nobody. */
static gboolean
tlc_notifier_next (TlcNotifier *notifier, TlcNotice **ret_notice, TlcListener **ret_listener)
{
  tlc_worker_lock ();
  *ret_listener = notifier->listener;
  *ret_notice = notifier->listener != NULL ? tlc_notifier_take_unlocked (notifier) : NULL;
  if (*ret_notice != NULL)
    {
      /* ORDER(ref.take): relaxed; the notifier holds one. */
      atomic_fetch_add_explicit (&notifier->listener->ref_count, 1, memory_order_relaxed);
      (*ret_notice)->event.n_lost = notifier->n_lost;
      notifier->n_lost = 0;
    }
  tlc_worker_unlock ();
  return *ret_notice != NULL;
}

/* On the keeper. */
static void
tlc_notifier_run (TlcJob *job)
{
  TlcNotifier *notifier = tlc_notifier_from_job (job);
  TlcListener *listener;
  TlcNotice *notice;

  while (tlc_notifier_next (notifier, &notice, &listener))
    {
      listener->func (&notice->event, listener->data);
      tlc_listener_unref (listener);
      tlc_notice_free (notice);
    }
}

static void
tlc_notifier_drop (TlcJob *job)
{
  tlc_notifier_unref (tlc_notifier_from_job (job));
}

TlcNotifier *
tlc_notifier_new (void)
{
  TlcNotifier *notifier = g_new0 (TlcNotifier, 1);

  atomic_init (&notifier->ref_count, 1);
  notifier->job.run = tlc_notifier_run;
  notifier->job.drop = tlc_notifier_drop;
  notifier->last = &notifier->first;
  return notifier;
}

TlcNotifier *
tlc_notifier_ref (TlcNotifier *notifier)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&notifier->ref_count, 1, memory_order_relaxed);
  return notifier;
}

void
tlc_notifier_unref (TlcNotifier *notifier)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (notifier == NULL
      || atomic_fetch_sub_explicit (&notifier->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  while (notifier->first != NULL)
    tlc_notice_free (tlc_notifier_take_unlocked (notifier)); /* nobody else is left */
  tlc_listener_unref (notifier->listener);
  g_free (notifier);
}

/* The keeper comes by as soon as it can. */
static void
tlc_notifier_schedule (TlcNotifier *notifier)
{
  if (tlc_keeper_start (NULL) && !tlc_keeper_schedule (&tlc_notifier_ref (notifier)->job, 0))
    tlc_notifier_unref (notifier);
}

void
tlc_notifier_set_func (TlcNotifier *notifier, TlcNotifyFunc func, gpointer data,
                       GDestroyNotify destroy)
{
  TlcListener *listener = NULL, *before;
  gboolean has_notices;

  if (func != NULL)
    {
      listener = g_new0 (TlcListener, 1);
      atomic_init (&listener->ref_count, 1);
      listener->func = func;
      listener->data = data;
      listener->destroy = destroy;
    }
  tlc_worker_lock ();
  before = notifier->listener;
  notifier->listener = listener;
  has_notices = notifier->first != NULL;
  tlc_worker_unlock ();
  tlc_listener_unref (before);
  if (func == NULL && destroy != NULL)
    destroy (data);
  if (has_notices && listener != NULL)
    tlc_notifier_schedule (notifier);
}

/* Whether anybody is told; else @notice, which is given back, or an older one in its place, is lost. */
static gboolean
tlc_notifier_append (TlcNotifier *notifier, TlcNotice *notice, TlcNotice **ret_lost)
{
  gboolean is_heard;

  tlc_worker_lock ();
  is_heard = notifier->listener != NULL;
  *ret_lost = is_heard ? NULL : notice;
  if (is_heard)
    {
      *notifier->last = notice;
      notifier->last = &notice->next;
      if (++notifier->n_notices > TLC_NOTIFIER_EVENTS_MAX)
        {
          *ret_lost = tlc_notifier_take_unlocked (notifier);
          notifier->n_lost++;
        }
    }
  tlc_worker_unlock ();
  return is_heard;
}

void
tlc_notifier_post (TlcNotifier *notifier, TlcEventKind kind, guint64 generation,
                   const char *service, char *message, GError *error)
{
  TlcNotice *notice = g_new0 (TlcNotice, 1), *lost;

  notice->message = message;
  notice->service = g_strdup (service);
  notice->error = error;
  notice->event = (TlcEvent){ .kind = kind,
                              .generation = generation,
                              .message = notice->message,
                              .service = notice->service,
                              .error = notice->error };
  if (notifier == NULL)
    lost = notice;
  else if (tlc_notifier_append (notifier, notice, &lost))
    tlc_notifier_schedule (notifier);
  tlc_notice_free (lost);
}
