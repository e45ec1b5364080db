/* SPDX-License-Identifier: Apache-2.0 */

/* What a thread of a crowd does, a random sequence of it: calls, oneways, pipelines, holds; some of
 * it with little time, some of it not to the end. And what it may fail by. */
#include "support/tlc-life.h"

#include <string.h>

#define MAX_DEEDS 8
#define MAX_REST_US 6000
#define MAX_PIPELINE 6
/* Longer than anybody waits who was not forgotten, shorter than TLC_CROWD_FOREVER. */
#define TOO_LONG_US (15 * G_USEC_PER_SEC)

static gint32
tlc_life_draw (TlcLife *life, gint32 end)
{
  return g_rand_int_range (life->random, 0, end);
}

/* --- what errors are allowed --- */

static void
tlc_life_note_excuses (TlcLife *life)
{
  life->begun_us = g_get_monotonic_time ();
  for (guint i = 0; i < TLC_EXCUSES; i++)
    life->seen[i] = atomic_load (&life->crowd->excuses[i]);
}

/* Whether it was so at some time since the call began. */
static gboolean
tlc_life_is_excused (const TlcLife *life, TlcExcuse excuse)
{
  return life->seen[excuse] % 2 == 1
         || atomic_load (&life->crowd->excuses[excuse]) != life->seen[excuse];
}

static gboolean
tlc_life_may_be_lost (const TlcLife *life, gboolean is_behind)
{
  if (life->has_failed)
    return TRUE;
  /* Where a reply came when its time was over the connection is closed, though the reply was good. */
  if (life->is_hurried)
    return is_behind || life->is_holding;
  return life->is_holding && atomic_load (&life->crowd->n_begun) != life->n_returned;
}

/* @is_behind: another one in a pipeline. */
static gboolean
tlc_life_allows (const TlcLife *life, const GError *error, gboolean is_behind)
{
  gboolean is_unsent = tlc_error_get_delivery (error) == TLC_DELIVERY_NOT_SENT;

  if (error->domain != TLC_ERROR)
    return FALSE;
  switch (error->code)
    {
    case TLC_ERROR_EXHAUSTED:
      return is_unsent && !is_behind && !life->is_holding
             && tlc_life_is_excused (life, TLC_EXCUSE_CAP);
    case TLC_ERROR_TIMED_OUT:
      return life->is_hurried;
    case TLC_ERROR_UNAVAILABLE: /* who is in a hurry may have no time for the second endpoint */
      return is_unsent && !is_behind && !life->is_holding
             && tlc_life_is_excused (life,
                                     life->is_hurried ? TLC_EXCUSE_REFUSED : TLC_EXCUSE_ALONE);
    case TLC_ERROR_CONNECTION_LOST:
      return (is_unsent || is_behind) && tlc_life_may_be_lost (life, is_behind);
    case TLC_ERROR_BUSY:
      return is_unsent && is_behind;
    default:
      return FALSE;
    }
}

static void
tlc_life_excuse (TlcLife *life, const GError *error, gboolean is_behind)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (tlc_life_allows (life, error, is_behind), "%s, %s%s%s: %s",
                 g_quark_to_string (error->domain), life->is_holding ? "holding " : "",
                 life->is_hurried ? "hurried " : "", is_behind ? "behind another" : "",
                 error->message);
  ck_assert_msg (g_get_monotonic_time () - life->begun_us < TOO_LONG_US, "forgotten: %s",
                 error->message);
}

static void
tlc_life_judge (TlcLife *life, const GError *error, gboolean is_behind)
{
  tlc_life_excuse (life, error, is_behind);
  life->has_failed |= is_behind || life->is_holding;
  /* One that is refused for what others of its pipeline have come to was never begun, and is not
   * counted; but for the one that finds its endpoint removed. */
  if (error->code != TLC_ERROR_BUSY || strstr (error->message, "endpoint was removed") != NULL)
    life->sum.failed[error->code]++;
}

/* --- what threads do --- */

static gint32
tlc_life_next_value (TlcLife *life)
{
  return atomic_fetch_add (&life->crowd->last_value, 1) + 1;
}

static void
tlc_life_take (TlcLife *life)
{
  gint32 value = tlc_life_next_value (life), answer = 0;
  g_autoptr (GError) error = NULL;

  tlc_life_note_excuses (life);
  if (echo_if_take (life->echo, &answer, tlc_life_draw (life, 3), value, &error))
    {
      ck_assert_int_eq (answer, value);
      life->sum.good++;
    }
  else
    tlc_life_judge (life, error, FALSE);
}

static void
tlc_life_echo_text (TlcLife *life)
{
  g_autofree char *text = g_strdup_printf ("payload %d", tlc_life_next_value (life));
  g_autofree char *answer = NULL;
  g_autoptr (GError) error = NULL;

  tlc_life_note_excuses (life);
  if (echo_if_echo_string (life->echo, &answer, text, &error))
    {
      ck_assert_str_eq (answer, text);
      life->sum.good++;
    }
  else
    tlc_life_judge (life, error, FALSE);
}

static void
tlc_life_note (TlcLife *life)
{
  g_autoptr (GError) error = NULL;

  tlc_life_note_excuses (life);
  if (echo_if_note (life->echo, TLC_CROWD_NOTE, &error))
    {
      life->sum.good++;
      life->sum.notes++;
      return;
    }
  tlc_life_judge (life, error, FALSE);
  life->sum.doubtful_notes += tlc_error_get_delivery (error) != TLC_DELIVERY_NOT_SENT;
}

/* As many as could be sent. */
static guint
tlc_life_send_some (TlcLife *life, gint32 *values)
{
  guint n = 0, n_wanted = 2 + (guint) tlc_life_draw (life, MAX_PIPELINE - 1);

  tlc_life_note_excuses (life);
  for (; n < n_wanted; n++)
    {
      g_autoptr (GError) error = NULL;

      values[n] = tlc_life_next_value (life);
      if (echo_client_send_take (life->echo, tlc_life_draw (life, 2), values[n], &error))
        continue;
      tlc_life_judge (life, error, n > 0);
      break;
    }
  return n;
}

static void
tlc_life_receive (TlcLife *life, const gint32 *values, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      gint32 answer = 0;

      if (echo_client_recv_take (life->echo, &answer, &error))
        {
          ck_assert_int_eq (answer, values[i]);
          life->sum.good++;
        }
      else
        tlc_life_judge (life, error, i > 0);
    }
}

static void
tlc_life_pipeline (TlcLife *life)
{
  gint32 values[MAX_PIPELINE + 1];
  gboolean had_failed = life->has_failed;
  guint n = tlc_life_send_some (life, values), n_received = n;

  if (!life->crowd->is_gentle && n > 0 && tlc_life_draw (life, 8) == 0)
    n_received = (guint) tlc_life_draw (life, (gint32) n);
  life->has_failed = had_failed; /* one behind does those before it no harm */
  tlc_life_receive (life, values, n_received);
  if (n_received < n)
    {
      tlc_client_reset (life->echo);
      life->sum.given_up += n - n_received;
      life->has_failed = TRUE;
    }
  if (!life->is_holding)
    life->has_failed = FALSE;
}

static void
tlc_life_do_something (TlcLife *life)
{
  switch (tlc_life_draw (life, 4))
    {
    case 0:
      tlc_life_take (life);
      break;
    case 1:
      tlc_life_note (life);
      break;
    case 2:
      tlc_life_pipeline (life);
      break;
    default:
      tlc_life_echo_text (life);
      break;
    }
}

static gboolean
tlc_life_hold (TlcLife *life)
{
  g_autoptr (GError) error = NULL;
  guint64 n_returned = atomic_load (&life->crowd->n_returned);

  tlc_life_note_excuses (life);
  if (!tlc_client_hold (life->echo, &error))
    {
      tlc_life_excuse (life, error, FALSE);
      life->sum.failed_holds++;
      return FALSE;
    }
  life->is_holding = TRUE;
  life->n_returned = n_returned;
  for (gint32 n = tlc_life_draw (life, 4); n > 0; n--)
    tlc_life_do_something (life);
  return TRUE;
}

static void
tlc_life_hold_and_release (TlcLife *life)
{
  if (!tlc_life_hold (life))
    return;
  tlc_client_release (life->echo);
  life->is_holding = life->has_failed = FALSE;
}

static void
tlc_life_do_in_time (TlcLife *life)
{
  gboolean is_pushed = tlc_life_draw (life, 2) == 0;

  life->is_hurried = !life->crowd->is_gentle && tlc_life_draw (life, 4) == 0;
  if (life->is_hurried && is_pushed)
    tlc_deadline_push ((guint) tlc_life_draw (life, 5));
  else if (life->is_hurried)
    tlc_client_set_timeout (life->echo, 1 + (guint) tlc_life_draw (life, 4));
  tlc_life_draw (life, 5) == 0 ? tlc_life_hold_and_release (life) : tlc_life_do_something (life);
  if (life->is_hurried && is_pushed)
    tlc_deadline_pop ();
  else if (life->is_hurried)
    tlc_client_set_timeout (life->echo, 0);
  life->is_hurried = FALSE;
  /* So that seats are free at times, and threads have a home to come back to, or to lose. */
  if (tlc_life_draw (life, 4) > 0)
    g_usleep ((gulong) tlc_life_draw (life, MAX_REST_US));
}

/* Half of them leave behind what others must do without. */
static void
tlc_life_leave (TlcLife *life)
{
  gint32 values[MAX_PIPELINE + 1];

  switch (life->crowd->is_gentle ? 7 : tlc_life_draw (life, 8))
    {
    case 0:
      tlc_life_hold (life);
      break;
    case 1:
      tlc_life_hold (life);
      life->sum.forgotten += tlc_life_send_some (life, values);
      break;
    case 2:
      life->sum.forgotten += tlc_life_send_some (life, values);
      break;
    case 3:
      tlc_thread_detach ();
      break;
    default:
      break;
    }
}

void *
tlc_life_main (void *data)
{
  TlcLife *life = data;

  life->echo = tlc_echo_client (life->crowd->service);
  for (gint32 n = 1 + tlc_life_draw (life, MAX_DEEDS); n > 0; n--)
    tlc_life_do_in_time (life);
  tlc_life_leave (life);
  return NULL;
}
