/* SPDX-License-Identifier: Apache-2.0 */

/* The queue: threads that found every seat taken, where a service has a cap.
 *
 * A seat is handed over as it is, claimed and with its connection: whoever releases one gives it to
 * the thread that has waited longest, so nobody who comes by can take it first. That there is
 * anybody to give it to says one bit of the attention word, WAIT, which is set exactly while
 * somebody waits, so that calls need not look here.
 *
 * A thread that comes to wait sets WAIT and then looks at the seats once more; one that releases
 * leaves its seat and then looks at WAIT once more: one of the two sees the other. A seat that the
 * waiter finds he releases at once, like any other: it goes to the longest waiter, perhaps himself.
 *
 * A connection would lie idle while the thread that gets it wakes up. So whoever gives one away
 * sends the waiter's request first, as far as the kernel takes it at once. He may: the seat is his
 * until then, and current once more after he has taken the waiter out of the queue; and the request was
 * written by that same generation: after another one it may be too large, or have no endpoint.
 *
 * A waiter lies on the stack of the thread that waits. Who grants takes it out under the lock and
 * posts its semaphore after that; the thread goes nowhere before the post has come, even where its
 * deadline passes in between: then the grant is taken all the same. Nor where it is cancelled: then
 * what it was given goes on to the next. */
#include "connect/tlc-queue.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>

#include "connect/tlc-idle.h"
#include "connect/tlc-seats.h"
#include "model/tlc-clock.h"

/* How often a waiter offers the processor to others before it sleeps, and for how long at most. */
#define TLC_QUEUE_YIELDS 20
#define TLC_QUEUE_YIELD_US 500

struct _TlcWaiter {
  TlcWaiter *next, *previous; /* under the lock, as is_queued */
  gboolean is_queued;
  gint32 thread; /* its number */
  TlcSeats *seats;
  sem_t served;  /* posted once, after it was taken out */
  /* whoever takes it out writes, before the post: */
  _Atomic TlcQueueVerdict verdict;
  TlcHome home;
  TlcQueueRequest *request; /* NULL: nothing is to be sent */
};

void
tlc_queue_init (TlcQueue *queue)
{
  pthread_mutex_init (&queue->lock, NULL);
}

void
tlc_queue_clear (TlcQueue *queue)
{
  pthread_mutex_destroy (&queue->lock);
}

static void
tlc_queue_append_unlocked (TlcSeats *seats, TlcWaiter *waiter)
{
  TlcQueue *queue = &seats->queue;

  waiter->previous = queue->last;
  waiter->next = NULL;
  waiter->is_queued = TRUE;
  *(queue->last != NULL ? &queue->last->next : &queue->first) = waiter;
  queue->last = waiter;
  /* ORDER(seats.attention): seq_cst; before the waiter's scan. Pairs with the look after a seat is
   * left. Without: he finds the seat claimed, its claimant finds nobody waiting, and he waits for a
   * seat that is FREE. */
  if (queue->n_waiting++ == 0)
    atomic_fetch_or_explicit (&seats->attention, TLC_SEATS_WAIT, memory_order_seq_cst);
}

static void
tlc_queue_unlink_unlocked (TlcSeats *seats, TlcWaiter *waiter)
{
  TlcQueue *queue = &seats->queue;

  waiter->is_queued = FALSE;
  *(waiter->previous != NULL ? &waiter->previous->next : &queue->first) = waiter->next;
  *(waiter->next != NULL ? &waiter->next->previous : &queue->last) = waiter->previous;
  /* ORDER(seats.attention): seq_cst, for the sake of simplicity: who sees it too late comes here,
   * and finds nobody. */
  if (--queue->n_waiting == 0)
    atomic_fetch_and_explicit (&seats->attention, ~(guint64) TLC_SEATS_WAIT, memory_order_seq_cst);
}

/* The caller has taken it out, and lets go of the lock. */
static void
tlc_waiter_tell (TlcWaiter *waiter, TlcQueueVerdict verdict)
{
  /* ORDER(queue.verdict): release; pairs with the load in tlc_waiter_get_verdict(): the home is
   * there. */
  atomic_store_explicit (&waiter->verdict, verdict, memory_order_release);
  sem_post (&waiter->served);
}

static TlcQueueVerdict
tlc_waiter_get_verdict (TlcWaiter *waiter)
{
  /* ORDER(queue.verdict): acquire; pairs with the store in tlc_waiter_tell(). */
  return atomic_load_explicit (&waiter->verdict, memory_order_acquire);
}

/* Not where the connection has rested so long that it should be looked at first. The generation is looked
 * at after the waiter was taken out: the seat may have been made current before a change after which the
 * waiter began. */
static void
tlc_queue_send_ahead (TlcSeats *seats, const TlcHome *home, TlcQueueRequest *request)
{
  TlcSeat *seat = home->seat;
  gint64 idle_us = tlc_clock_last_tick_us () - tlc_seat_get_since (seat);

  if (request != NULL && seat->connection != NULL && tlc_seats_is_current (seats, seat)
      && request->generation == tlc_seat_get_stamp (seat)
      && idle_us
             < tlc_idle_get_look_after (seat->connection->endpoint, request->check_after_idle_us))
    request->sent = tlc_connection_send_some (seat->connection, request->data, request->length);
}

gboolean
tlc_queue_serve (TlcSeats *seats, TlcHome *home)
{
  TlcQueue *queue = &seats->queue;
  TlcWaiter *waiter;

  pthread_mutex_lock (&queue->lock);
  waiter = queue->first;
  if (waiter != NULL)
    tlc_queue_unlink_unlocked (seats, waiter);
  pthread_mutex_unlock (&queue->lock);
  if (waiter == NULL)
    return FALSE;
  /* Not by @home, which must not have the word that the waiter will leave by: it would claim the
   * seat from under him. */
  waiter->home = *home;
  tlc_seat_hand_over (&waiter->home);
  tlc_seat_sign (home->seat, waiter->thread);
  tlc_queue_send_ahead (seats, home, waiter->request);
  tlc_waiter_tell (waiter, TLC_QUEUE_GRANTED);
  return TRUE;
}

/* TRUE: @waiter is in the queue; else *@ret_verdict says why not. */
static gboolean
tlc_queue_join (TlcSeats *seats, TlcWaiter *waiter, guint max_waiting, TlcQueueVerdict *ret_verdict)
{
  TlcQueue *queue = &seats->queue;
  gboolean has_joined = FALSE;

  pthread_mutex_lock (&queue->lock);
  if (queue->n_waiting >= max_waiting)
    *ret_verdict = TLC_QUEUE_FULL;
  else
    {
      tlc_queue_append_unlocked (seats, waiter);
      has_joined = TRUE;
    }
  pthread_mutex_unlock (&queue->lock);
  return has_joined;
}

/* The deadline has passed. FALSE: not so for the queue, which has just served the waiter. */
static gboolean
tlc_queue_expire (TlcSeats *seats, TlcWaiter *waiter)
{
  gboolean is_waiting;

  pthread_mutex_lock (&seats->queue.lock);
  is_waiting = waiter->is_queued;
  if (is_waiting)
    tlc_queue_unlink_unlocked (seats, waiter);
  pthread_mutex_unlock (&seats->queue.lock);
  return is_waiting;
}

/* Whether the post comes while the processor is offered to others. Where turns are short, a processor that
 * goes idle in between takes longer to wake up than a call takes; where it would be idle anyway, this costs a
 * few microseconds. Not for longer where there are many to offer it to. */
static gboolean
tlc_waiter_yield (TlcWaiter *waiter, gint64 deadline_us)
{
  gint64 until_us = MIN (deadline_us, tlc_clock_now_us () + TLC_QUEUE_YIELD_US);

  for (guint i = 0; i < TLC_QUEUE_YIELDS && tlc_clock_now_us () < until_us; i++)
    {
      if (sem_trywait (&waiter->served) == 0)
        return TRUE;
      sched_yield ();
    }
  return FALSE;
}

/* Whether the post came by then. */
static gboolean
tlc_waiter_sleep (TlcWaiter *waiter, gint64 deadline_us)
{
  struct timespec deadline
      = { deadline_us / G_USEC_PER_SEC, (deadline_us % G_USEC_PER_SEC) * 1000 };

  for (;;)
    {
      if (sem_clockwait (&waiter->served, CLOCK_MONOTONIC, &deadline) == 0)
        return TRUE;
      if (errno != EINTR)
        return FALSE;
    }
}

/* Until it is served, or the deadline has passed. */
static TlcQueueVerdict
tlc_waiter_wait (TlcSeats *seats, TlcWaiter *waiter, gint64 deadline_us)
{
  if (!tlc_waiter_yield (waiter, deadline_us) && !tlc_waiter_sleep (waiter, deadline_us))
    {
      if (tlc_queue_expire (seats, waiter))
        return TLC_QUEUE_TIMED_OUT;
      tlc_waiter_sleep (waiter, G_MAXINT64);
    }
  return tlc_waiter_get_verdict (waiter);
}

/* The thread is cancelled: it waits for nothing any more, and what it was given meanwhile is the next
 * one's. A connection with part of its request goes nowhere, since nobody sends the rest. */
static void
tlc_waiter_cancelled (void *data)
{
  TlcWaiter *waiter = data;

  if (!tlc_queue_expire (waiter->seats, waiter))
    {
      tlc_waiter_sleep (waiter, G_MAXINT64);
      if (tlc_waiter_get_verdict (waiter) == TLC_QUEUE_GRANTED)
        {
          if (waiter->request != NULL && waiter->request->sent > 0)
            tlc_seat_close_connection (waiter->home.seat);
          tlc_seats_release (waiter->seats, &waiter->home);
        }
    }
  sem_destroy (&waiter->served);
}

static gboolean
tlc_queue_is_closed (TlcSeats *seats)
{
  g_autoptr (TlcSnapshot) current = tlc_branch_read (seats->branch);

  return current->closed;
}

/* It is in the queue. Whoever closes the service publishes that first, and then sends away who is in it. */
static TlcQueueVerdict
tlc_waiter_stay (TlcWaiter *waiter, gint64 deadline_us)
{
  if (tlc_queue_is_closed (waiter->seats) && tlc_queue_expire (waiter->seats, waiter))
    return TLC_QUEUE_CLOSED;
  /* Somebody may have left a seat between our search and WAIT. */
  tlc_seats_offer (waiter->seats);
  return tlc_waiter_wait (waiter->seats, waiter, deadline_us);
}

static TlcQueueVerdict
tlc_waiter_await_turn (TlcWaiter *waiter, gint64 deadline_us)
{
  TlcQueueVerdict verdict;

  pthread_cleanup_push (tlc_waiter_cancelled, waiter);
  verdict = tlc_waiter_stay (waiter, deadline_us);
  pthread_cleanup_pop (FALSE);
  return verdict;
}

TlcQueueVerdict
tlc_queue_wait (TlcSeats *seats, TlcHome *home, TlcQueueRequest *request, gint32 thread,
                guint max_waiting, gint64 deadline_us)
{
  TlcWaiter waiter = { .thread = thread, .seats = seats };
  TlcQueueVerdict verdict;

  sem_init (&waiter.served, 0, 0);
  if (request != NULL && request->data != NULL)
    waiter.request = request;
  if (tlc_queue_join (seats, &waiter, max_waiting, &verdict))
    verdict = tlc_waiter_await_turn (&waiter, deadline_us);
  sem_destroy (&waiter.served);
  if (verdict == TLC_QUEUE_GRANTED)
    *home = waiter.home;
  return verdict;
}

void
tlc_queue_close (TlcSeats *seats)
{
  TlcQueue *queue = &seats->queue;
  TlcWaiter *waiters, *next;

  pthread_mutex_lock (&queue->lock);
  waiters = queue->first;
  while (queue->first != NULL)
    tlc_queue_unlink_unlocked (seats, queue->first);
  pthread_mutex_unlock (&queue->lock);
  for (; waiters != NULL; waiters = next)
    {
      next = waiters->next;
      tlc_waiter_tell (waiters, TLC_QUEUE_CLOSED);
    }
}

guint
tlc_queue_count (TlcQueue *queue)
{
  guint n_waiting;

  pthread_mutex_lock (&queue->lock);
  n_waiting = queue->n_waiting;
  pthread_mutex_unlock (&queue->lock);
  return n_waiting;
}

void
tlc_queue_before_fork (TlcQueue *queue)
{
  pthread_mutex_lock (&queue->lock);
}

void
tlc_queue_after_fork_parent (TlcQueue *queue)
{
  pthread_mutex_unlock (&queue->lock);
}

void
tlc_queue_after_fork_child (TlcSeats *seats)
{
  /* The threads that wait are the parent's; so are their stacks. */
  seats->queue.first = seats->queue.last = NULL;
  seats->queue.n_waiting = 0;
  /* ORDER(seats.attention): relaxed; there is one thread. */
  atomic_fetch_and_explicit (&seats->attention, ~(guint64) TLC_SEATS_WAIT, memory_order_relaxed);
  pthread_mutex_unlock (&seats->queue.lock);
}
