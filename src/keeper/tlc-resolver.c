/* SPDX-License-Identifier: Apache-2.0 */

/* The resolver: a thread that does nothing but getaddrinfo(), which has no deadline. Who asks waits
 * for his answers as long as he likes, or is called when they are there, and leaves the questions behind that
 * are not answered. A question belongs to both until it is answered or given up: whoever comes second frees
 * it. */
#include "keeper/tlc-resolver.h"

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

/* All under the workers' lock. */
typedef struct _TlcQuestion TlcQuestion;
struct _TlcQuestion {
  TlcAddress *name;
  TlcAnswer *answer;   /* NULL until it comes */
  TlcInquiry *inquiry; /* NULL: nobody waits for it */
  TlcQuestion *next;   /* while it is queued */
};

struct _TlcInquiry {
  GPtrArray *addresses;    /* immutable */
  TlcQuestion **questions; /* for each of them; NULL: it is no name, or has been asked for before */
  gint64 asked_us;
  TlcJob *job;
  guint n_open; /* under the lock: not answered yet */
};

static void tlc_resolver_main (void);

static TlcWorker tlc_resolver = TLC_WORKER_INIT ("tlc-resolver", tlc_resolver_main);
static TlcQuestion *tlc_resolver_queue; /* first come, first served */
static pthread_cond_t tlc_resolver_asked = PTHREAD_COND_INITIALIZER;
static pthread_cond_t tlc_resolver_answered = PTHREAD_COND_INITIALIZER;

static void
tlc_question_free (TlcQuestion *question)
{
  tlc_address_free (question->name);
  tlc_answer_free (question->answer);
  g_free (question);
}

static void
tlc_resolver_put (TlcQuestion *question)
{
  TlcQuestion **last = &tlc_resolver_queue;
  GError *error = NULL;

  tlc_worker_lock ();
  if (tlc_worker_start_unlocked (&tlc_resolver, &error))
    {
      while (*last != NULL)
        last = &(*last)->next;
      *last = question;
      question->inquiry->n_open++;
      pthread_cond_signal (&tlc_resolver_asked);
    }
  else
    question->answer = tlc_answer_new (NULL, error);
  tlc_worker_unlock ();
}

/* FALSE: the resolver is at it. */
static gboolean
tlc_resolver_unlink_unlocked (TlcQuestion *question)
{
  for (TlcQuestion **link = &tlc_resolver_queue; *link != NULL; link = &(*link)->next)
    if (*link == question)
      {
        *link = question->next;
        return TRUE;
      }
  return FALSE;
}

static TlcAnswer *
tlc_resolver_late (const TlcAddress *name, gint64 waited_us)
{
  GError *error = NULL;

  tlc_error_set (&error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                 "%s: name not resolved: no answer from the system's resolver within %"
                 G_GINT64_FORMAT " ms",
                 name->text, waited_us / 1000);
  return tlc_answer_new (NULL, error);
}

static const TlcAddress *
tlc_inquiry_get_address (const TlcInquiry *inquiry, guint i)
{
  return inquiry->addresses->pdata[i];
}

/* The place of the first of the same name. */
static guint
tlc_inquiry_find_first (const TlcInquiry *inquiry, guint i)
{
  guint first = 0;

  while (first < i
         && !tlc_address_equal (inquiry->addresses->pdata[first], inquiry->addresses->pdata[i]))
    first++;
  return first;
}

TlcInquiry *
tlc_inquiry_new (const GPtrArray *addresses, TlcJob *job)
{
  TlcInquiry *inquiry = g_new0 (TlcInquiry, 1);

  inquiry->addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);
  for (guint i = 0; i < addresses->len; i++)
    g_ptr_array_add (inquiry->addresses, tlc_address_copy (addresses->pdata[i]));
  inquiry->questions = g_new0 (TlcQuestion *, addresses->len);
  inquiry->asked_us = tlc_clock_now_us ();
  inquiry->job = job;
  for (guint i = 0; i < addresses->len; i++)
    if (tlc_inquiry_get_address (inquiry, i)->kind == TLC_ADDRESS_NAME
        && tlc_inquiry_find_first (inquiry, i) == i)
      {
        inquiry->questions[i] = g_new0 (TlcQuestion, 1);
        inquiry->questions[i]->name = tlc_address_copy (tlc_inquiry_get_address (inquiry, i));
        inquiry->questions[i]->inquiry = inquiry;
        tlc_resolver_put (inquiry->questions[i]);
      }
  return inquiry;
}

gboolean
tlc_inquiry_is_answered (TlcInquiry *inquiry)
{
  gboolean is_answered;

  tlc_worker_lock ();
  is_answered = inquiry->n_open == 0;
  tlc_worker_unlock ();
  return is_answered;
}

void
tlc_inquiry_wait (TlcInquiry *inquiry, gint64 deadline_us)
{
  tlc_worker_lock ();
  while (inquiry->n_open > 0
         && tlc_worker_wait_unlocked (&tlc_resolver_answered, deadline_us) == 0)
    ;
  tlc_worker_unlock ();
}

/* Takes @question over. NULL: there is none yet. */
static TlcAnswer *
tlc_inquiry_take_answer (TlcQuestion *question)
{
  gboolean is_ours = TRUE;
  TlcAnswer *answer;

  tlc_worker_lock ();
  answer = g_steal_pointer (&question->answer);
  if (answer == NULL)
    {
      is_ours = tlc_resolver_unlink_unlocked (question);
      question->inquiry = NULL;
    }
  tlc_worker_unlock ();
  if (is_ours)
    tlc_question_free (question);
  return answer;
}

static TlcAnswer *
tlc_inquiry_get_answer (TlcInquiry *inquiry, GPtrArray *answers, guint i)
{
  const TlcAddress *address = tlc_inquiry_get_address (inquiry, i);
  TlcAnswer *answer;

  if (address->kind != TLC_ADDRESS_NAME)
    return tlc_answer_ask (address);
  if (inquiry->questions[i] == NULL)
    return tlc_answer_copy (answers->pdata[tlc_inquiry_find_first (inquiry, i)]);
  answer = tlc_inquiry_take_answer (inquiry->questions[i]);
  return answer != NULL ? answer
                        : tlc_resolver_late (address, tlc_clock_now_us () - inquiry->asked_us);
}

GPtrArray *
tlc_inquiry_end (TlcInquiry *inquiry)
{
  GPtrArray *answers = tlc_answers_new ();

  for (guint i = 0; i < inquiry->addresses->len; i++)
    g_ptr_array_add (answers, tlc_inquiry_get_answer (inquiry, answers, i));
  g_ptr_array_unref (inquiry->addresses);
  g_free (inquiry->questions);
  g_free (inquiry);
  return answers;
}

GPtrArray *
tlc_resolver_ask (const GPtrArray *addresses, gint64 deadline_us)
{
  TlcInquiry *inquiry = tlc_inquiry_new (addresses, NULL);

  tlc_inquiry_wait (inquiry, deadline_us);
  return tlc_inquiry_end (inquiry);
}

static TlcQuestion *
tlc_resolver_take_unlocked (void)
{
  TlcQuestion *question = tlc_resolver_queue;

  if (question != NULL)
    tlc_resolver_queue = g_steal_pointer (&question->next);
  return question;
}

/* There is one answer more. */
static void
tlc_resolver_tell_unlocked (TlcInquiry *inquiry)
{
  pthread_cond_broadcast (&tlc_resolver_answered);
  if (--inquiry->n_open == 0 && inquiry->job != NULL)
    tlc_keeper_hasten_unlocked (inquiry->job, 0);
}

/* One question, without the lock while the system looks for the answer. */
static void
tlc_resolver_answer_unlocked (TlcQuestion *question)
{
  TlcAnswer *answer;

  tlc_resolver.is_occupied = TRUE;
  tlc_worker_unlock ();
  answer = tlc_answer_ask (question->name);
  tlc_worker_lock ();
  tlc_resolver.is_occupied = FALSE;
  question->answer = answer;
  if (question->inquiry != NULL)
    tlc_resolver_tell_unlocked (question->inquiry);
  else
    tlc_question_free (question);
}

static void
tlc_resolver_main (void)
{
  TlcQuestion *question;

  tlc_worker_lock ();
  for (;;)
    if ((question = tlc_resolver_take_unlocked ()) != NULL)
      tlc_resolver_answer_unlocked (question);
    else if (tlc_worker_is_wanted_unlocked ())
      tlc_worker_wait_unlocked (&tlc_resolver_asked, G_MAXINT64);
    else
      break;
  tlc_worker_end_unlocked (&tlc_resolver);
  tlc_worker_unlock ();
}

void
tlc_resolver_stop (void)
{
  tlc_worker_lock ();
  pthread_cond_signal (&tlc_resolver_asked);
  tlc_worker_unlock ();
  tlc_worker_join (&tlc_resolver);
}

/* Who waits in a thread is not here. The keeper is, by and by: it finds that there is no answer. */
void
tlc_resolver_after_fork_child_unlocked (void)
{
  while (tlc_resolver_take_unlocked () != NULL)
    ;
  tlc_resolver_asked = tlc_resolver_answered = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
  tlc_worker_after_fork_child_unlocked (&tlc_resolver);
}
