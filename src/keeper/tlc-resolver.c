/* SPDX-License-Identifier: Apache-2.0 */

/* The resolver: a thread that does nothing but getaddrinfo(), which has no deadline. Who asks waits
 * for his answer as long as he likes, and leaves the question behind if it does not come. It belongs
 * to both until it is answered or given up: whoever comes second frees it. */
#include "keeper/tlc-resolver.h"

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

/* All under the workers' lock. */
typedef struct _TlcQuestion TlcQuestion;
struct _TlcQuestion {
  TlcAddress *name;
  TlcAnswer *answer;     /* NULL until it comes */
  gboolean is_abandoned; /* nobody waits for it */
  TlcQuestion *next;     /* while it is queued */
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

static TlcQuestion *
tlc_resolver_put_question (const TlcAddress *name)
{
  TlcQuestion *question = g_new0 (TlcQuestion, 1);
  TlcQuestion **last = &tlc_resolver_queue;
  GError *error = NULL;

  question->name = tlc_address_copy (name);
  tlc_worker_lock ();
  if (tlc_worker_start_unlocked (&tlc_resolver, &error))
    {
      while (*last != NULL)
        last = &(*last)->next;
      *last = question;
      pthread_cond_signal (&tlc_resolver_asked);
    }
  else
    question->answer = tlc_answer_new (NULL, error);
  tlc_worker_unlock ();
  return question;
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

/* Waits for the answer; takes @question over. */
static TlcAnswer *
tlc_resolver_await (TlcQuestion *question, gint64 asked_us, gint64 deadline_us)
{
  gboolean is_ours = TRUE;
  TlcAnswer *answer;

  tlc_worker_lock ();
  while (question->answer == NULL
         && tlc_worker_wait_unlocked (&tlc_resolver_answered, deadline_us) == 0)
    ;
  answer = g_steal_pointer (&question->answer);
  if (answer == NULL)
    {
      answer = tlc_resolver_late (question->name, deadline_us - asked_us);
      is_ours = tlc_resolver_unlink_unlocked (question);
      question->is_abandoned = TRUE;
    }
  tlc_worker_unlock ();
  if (is_ours)
    tlc_question_free (question);
  return answer;
}

GPtrArray *
tlc_resolver_ask (const TlcSettings *settings, gint64 deadline_us)
{
  guint n = settings->addresses->len;
  gint64 asked_us = tlc_clock_now_us ();
  g_autofree TlcQuestion **questions = g_new0 (TlcQuestion *, n);
  GPtrArray *answers = tlc_answers_new ();

  for (guint i = 0; i < n; i++)
    if (((TlcAddress *) settings->addresses->pdata[i])->kind == TLC_ADDRESS_NAME)
      questions[i] = tlc_resolver_put_question (settings->addresses->pdata[i]);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (answers,
                     questions[i] != NULL
                         ? tlc_resolver_await (questions[i], asked_us, deadline_us)
                         : tlc_answer_ask (settings->addresses->pdata[i]));
  return answers;
}

static TlcQuestion *
tlc_resolver_take_unlocked (void)
{
  TlcQuestion *question = tlc_resolver_queue;

  if (question != NULL)
    tlc_resolver_queue = g_steal_pointer (&question->next);
  return question;
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
  if (question->is_abandoned)
    tlc_question_free (question);
  else
    pthread_cond_broadcast (&tlc_resolver_answered);
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

void
tlc_resolver_after_fork_child_unlocked (void)
{
  TlcQuestion *question;

  /* Who asked is not here. */
  while ((question = tlc_resolver_take_unlocked ()) != NULL)
    tlc_question_free (question);
  tlc_resolver_asked = tlc_resolver_answered = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
  tlc_worker_after_fork_child_unlocked (&tlc_resolver);
}
