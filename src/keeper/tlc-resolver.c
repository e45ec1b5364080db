/* SPDX-License-Identifier: Apache-2.0 */

/* The resolver: a thread that does nothing but getaddrinfo(), which has no deadline. Who asks has an
 * inquiry, with a question for each name, and ends it when he likes. A question belongs to its
 * inquiry; the one that the thread is at when the inquiry ends is left to the thread.
 *
 * What an inquiry was made of is its maker's own; its questions' answers, and who is still to
 * answer, are under the workers' lock. */
#include "keeper/tlc-resolver.h"

#include "model/tlc-clock.h"
#include "model/tlc-error-private.h"

typedef struct {
  TlcAddress *name;
  /* under the lock: */
  TlcInquiry *inquiry; /* NULL: nobody waits for it, who answers frees it */
  TlcAnswer *answer;   /* NULL until it comes */
  GList link;          /* in the queue; data NULL: not there */
} TlcQuestion;

struct _TlcInquiry {
  GPtrArray *addresses;    /* of TlcAddress */
  TlcQuestion **questions; /* for each address: NULL where it is no name; equal ones share one */
  GPtrArray *asked;        /* of TlcQuestion: each once */
  TlcJob *job;
  gint64 asked_us;
  /* under the lock: */
  guint n_open;     /* questions without an answer, that may still come */
  gboolean is_lost; /* with the thread, in a fork() */
  TlcInquiry *next, *previous;
};

static void tlc_resolver_main (void);

static TlcWorker tlc_resolver = TLC_WORKER_INIT ("tlc-resolver", tlc_resolver_main);
/* Under the workers' lock: */
static GQueue tlc_resolver_queue = G_QUEUE_INIT; /* of TlcQuestion: first come, first served */
static TlcQuestion *tlc_resolver_current;        /* what the thread is at */
static TlcInquiry *tlc_resolver_inquiries;
static pthread_cond_t tlc_resolver_asked = PTHREAD_COND_INITIALIZER;
static pthread_cond_t tlc_resolver_answered = PTHREAD_COND_INITIALIZER;

/* --- questions --- */

static TlcQuestion *
tlc_question_new (const TlcAddress *name, TlcInquiry *inquiry)
{
  TlcQuestion *question = g_new0 (TlcQuestion, 1);

  question->name = tlc_address_copy (name);
  question->inquiry = inquiry;
  return question;
}

static void
tlc_question_free (gpointer data)
{
  TlcQuestion *question = data;

  tlc_address_free (question->name);
  tlc_answer_free (question->answer);
  g_free (question);
}

static void
tlc_question_queue_unlocked (TlcQuestion *question)
{
  question->link.data = question;
  g_queue_push_tail_link (&tlc_resolver_queue, &question->link);
}

static void
tlc_question_unqueue_unlocked (TlcQuestion *question)
{
  if (question->link.data != NULL)
    g_queue_unlink (&tlc_resolver_queue, &question->link);
  question->link.data = NULL;
}

/* --- inquiries --- */

/* Each name is made a question, the first time that it comes. */
static void
tlc_inquiry_make_questions (TlcInquiry *inquiry)
{
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < inquiry->addresses->len; i++)
    {
      TlcAddress *address = inquiry->addresses->pdata[i];
      TlcQuestion *question;

      if (address->kind != TLC_ADDRESS_NAME)
        continue;
      question = g_hash_table_lookup (known, address->text);
      if (question == NULL)
        {
          question = tlc_question_new (address, inquiry);
          g_ptr_array_add (inquiry->asked, question);
          g_hash_table_insert (known, question->name->text, question);
        }
      inquiry->questions[i] = question;
    }
}

static void
tlc_inquiry_link_unlocked (TlcInquiry *inquiry)
{
  inquiry->next = tlc_resolver_inquiries;
  if (inquiry->next != NULL)
    inquiry->next->previous = inquiry;
  tlc_resolver_inquiries = inquiry;
}

static void
tlc_inquiry_unlink_unlocked (TlcInquiry *inquiry)
{
  *(inquiry->previous != NULL ? &inquiry->previous->next : &tlc_resolver_inquiries)
      = inquiry->next;
  if (inquiry->next != NULL)
    inquiry->next->previous = inquiry->previous;
}

/* Nothing is to be waited for any more. */
static void
tlc_inquiry_note_answered_unlocked (TlcInquiry *inquiry)
{
  if (inquiry->job != NULL)
    tlc_keeper_hasten_unlocked (inquiry->job, tlc_clock_now_us ());
  pthread_cond_broadcast (&tlc_resolver_answered);
}

/* Without a thread all are answered, by why. */
static void
tlc_inquiry_ask_unlocked (TlcInquiry *inquiry)
{
  g_autoptr (GError) error = NULL;

  if (inquiry->asked->len > 0)
    tlc_worker_start_unlocked (&tlc_resolver, &error);
  for (guint i = 0; i < inquiry->asked->len; i++)
    {
      TlcQuestion *question = inquiry->asked->pdata[i];

      if (error != NULL)
        question->answer = tlc_answer_new (NULL, g_error_copy (error));
      else
        tlc_question_queue_unlocked (question);
    }
  inquiry->n_open = error == NULL ? inquiry->asked->len : 0;
  pthread_cond_signal (&tlc_resolver_asked);
  if (inquiry->n_open == 0)
    tlc_inquiry_note_answered_unlocked (inquiry);
}

TlcInquiry *
tlc_inquiry_new (GPtrArray *addresses, TlcJob *job)
{
  TlcInquiry *inquiry = g_new0 (TlcInquiry, 1);

  inquiry->addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);
  for (guint i = 0; i < addresses->len; i++)
    g_ptr_array_add (inquiry->addresses, tlc_address_copy (addresses->pdata[i]));
  inquiry->questions = g_new0 (TlcQuestion *, addresses->len);
  inquiry->asked = g_ptr_array_new ();
  inquiry->job = job;
  inquiry->asked_us = tlc_clock_now_us ();
  tlc_inquiry_make_questions (inquiry);
  tlc_worker_lock ();
  tlc_inquiry_link_unlocked (inquiry);
  tlc_inquiry_ask_unlocked (inquiry);
  tlc_worker_unlock ();
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

/* After it no question is in anybody's hands but ours; one that is stays with who has it. */
static void
tlc_inquiry_stop (TlcInquiry *inquiry)
{
  tlc_worker_lock ();
  tlc_inquiry_unlink_unlocked (inquiry);
  for (guint i = 0; i < inquiry->asked->len; i++)
    {
      TlcQuestion *question = inquiry->asked->pdata[i];

      tlc_question_unqueue_unlocked (question);
      question->inquiry = NULL;
      /* It is freed when it is answered, which may be now: @asked and @questions forget it. */
      if (question != tlc_resolver_current)
        continue;
      inquiry->asked->pdata[i] = NULL;
      for (guint j = 0; j < inquiry->addresses->len; j++)
        if (inquiry->questions[j] == question)
          inquiry->questions[j] = NULL;
    }
  tlc_worker_unlock ();
}

static void
tlc_inquiry_free (TlcInquiry *inquiry)
{
  for (guint i = 0; i < inquiry->asked->len; i++)
    if (inquiry->asked->pdata[i] != NULL)
      tlc_question_free (inquiry->asked->pdata[i]);
  g_ptr_array_unref (inquiry->asked);
  g_ptr_array_unref (inquiry->addresses);
  g_free (inquiry->questions);
  g_free (inquiry);
}

static TlcAnswer *
tlc_inquiry_late (const TlcInquiry *inquiry, const TlcAddress *name, gint64 now_us)
{
  GError *error = NULL;

  if (inquiry->is_lost)
    tlc_error_set (&error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                   "%s: name not resolved: the process was forked before the answer came",
                   name->text);
  else
    tlc_error_set (&error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                   "%s: name not resolved: no answer from the system's resolver within %"
                   G_GINT64_FORMAT " ms",
                   name->text, (now_us - inquiry->asked_us) / 1000);
  return tlc_answer_new (NULL, error);
}

GPtrArray *
tlc_inquiry_end (TlcInquiry *inquiry)
{
  GPtrArray *answers = tlc_answers_new ();
  gint64 now_us = tlc_clock_now_us ();

  tlc_inquiry_stop (inquiry);
  for (guint i = 0; i < inquiry->addresses->len; i++)
    {
      const TlcAddress *address = inquiry->addresses->pdata[i];
      const TlcQuestion *question = inquiry->questions[i];

      if (address->kind != TLC_ADDRESS_NAME)
        g_ptr_array_add (answers, tlc_answer_ask (address));
      else if (question != NULL && question->answer != NULL)
        g_ptr_array_add (answers, tlc_answer_copy (question->answer));
      else
        g_ptr_array_add (answers, tlc_inquiry_late (inquiry, address, now_us));
    }
  tlc_inquiry_free (inquiry);
  return answers;
}

void
tlc_inquiry_cancel (TlcInquiry *inquiry)
{
  if (inquiry == NULL)
    return;
  tlc_inquiry_stop (inquiry);
  tlc_inquiry_free (inquiry);
}

GPtrArray *
tlc_resolver_ask (GPtrArray *addresses, gint64 deadline_us)
{
  TlcInquiry *inquiry = tlc_inquiry_new (addresses, NULL);

  tlc_worker_lock ();
  while (inquiry->n_open > 0
         && tlc_worker_wait_unlocked (&tlc_resolver_answered, deadline_us) == 0)
    ;
  tlc_worker_unlock ();
  return tlc_inquiry_end (inquiry);
}

/* --- the thread --- */

static TlcQuestion *
tlc_resolver_take_unlocked (void)
{
  TlcQuestion *question = g_queue_peek_head (&tlc_resolver_queue);

  if (question != NULL)
    tlc_question_unqueue_unlocked (question);
  return question;
}

/* One question, without the lock while the system looks for the answer. */
static void
tlc_resolver_answer_unlocked (TlcQuestion *question)
{
  TlcAnswer *answer;

  tlc_resolver_current = question;
  tlc_resolver.is_occupied = TRUE;
  tlc_worker_unlock ();
  answer = tlc_answer_ask (question->name);
  tlc_worker_lock ();
  tlc_resolver.is_occupied = FALSE;
  tlc_resolver_current = NULL;
  question->answer = answer;
  if (question->inquiry == NULL)
    tlc_question_free (question);
  else if (--question->inquiry->n_open == 0)
    tlc_inquiry_note_answered_unlocked (question->inquiry);
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

/* Who waited for his answers is not here. What the keeper asked for it goes on with, and finds that
 * no more come. Questions stay with their inquiries; the thread's own is nobody's. */
void
tlc_resolver_after_fork_child_unlocked (void)
{
  while (tlc_resolver_take_unlocked () != NULL)
    ;
  if (tlc_resolver_current != NULL && tlc_resolver_current->inquiry == NULL)
    tlc_question_free (tlc_resolver_current);
  tlc_resolver_current = NULL;
  tlc_resolver_asked = tlc_resolver_answered = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
  for (TlcInquiry *inquiry = tlc_resolver_inquiries; inquiry != NULL; inquiry = inquiry->next)
    if (inquiry->n_open > 0)
      {
        inquiry->is_lost = TRUE;
        inquiry->n_open = 0;
        tlc_inquiry_note_answered_unlocked (inquiry);
      }
  tlc_worker_after_fork_child_unlocked (&tlc_resolver);
}
