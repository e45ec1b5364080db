/* SPDX-License-Identifier: Apache-2.0 */

/* Ejecting endpoints that fail, and taking them back.
 *
 * One lock for all, since how many may be ejected at once is a question about several of them. What they
 * have become is posted in each for those who choose one, who take no lock. */
#include "connect/tlc-ejector.h"

#include "model/tlc-cancel.h"
#include "model/tlc-clock.h"

static pthread_mutex_t tlc_ejector_lock = PTHREAD_MUTEX_INITIALIZER;

void
tlc_ejector_init (TlcEjector *ejector, TlcSeats *seats, const char *service,
                  void (*wake) (TlcEjector *ejector))
{
  *ejector = (TlcEjector){ .seats = seats, .service = service, .wake = wake };
}

/* How many of @n endpoints may be ejected at once. */
static guint
tlc_ejector_get_max (guint n, guint max_percent)
{
  guint max = (guint) ((guint64) n * max_percent / 100);

  return max == 0 && n > 1 && max_percent > 0 ? 1 : max;
}

/* Whether one more of those in force may be ejected: @endpoint, which is one of them. */
static gboolean
tlc_ejector_may_eject_unlocked (const TlcSnapshot *current, const TlcEndpoint *endpoint)
{
  guint n_away = 0;

  for (guint i = 0; i < current->endpoints->len; i++)
    {
      const TlcEndpoint *other = current->endpoints->pdata[i];

      n_away += other != endpoint && other->health.state != TLC_HEALTH_UP;
    }
  return tlc_snapshot_has_endpoint (current, endpoint)
         && n_away < tlc_ejector_get_max (current->endpoints->len, current->settings->max_ejected);
}

static TlcHealthRules
tlc_ejector_get_rules_unlocked (const TlcSnapshot *current, const TlcEndpoint *endpoint)
{
  const TlcSettings *settings = current->settings;
  gint64 now_us = tlc_clock_now_us ();
  guint64 noise = ((guint64) now_us ^ endpoint->hash) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return (TlcHealthRules){
    .now_us = now_us,
    .eject_after = settings->eject_after,
    .eject_for_us = settings->eject_for_us,
    .trial_us = settings->connect_timeout_us + settings->call_timeout_us,
    .probe_us = 2 * settings->probe_interval_us + settings->connect_timeout_us,
    .may_eject = tlc_ejector_may_eject_unlocked (current, endpoint),
    .noise = (guint32) (noise >> 32),
  };
}

/* What is happening at an endpoint. */
typedef struct {
  TlcEjector *ejector;
  TlcEndpoint *endpoint;
  TlcHealthEvent event;
  const char *reason;  /* of a failure */
  guint64 generation;  /* the registry's */
} TlcIncident;

static char *
tlc_incident_describe_ejection_unlocked (const TlcIncident *incident, gint64 now_us)
{
  const TlcHealth *health = &incident->endpoint->health;

  return g_strdup_printf ("service %s: %s: ejected for %" G_GINT64_FORMAT
                          " ms after %u failures in a row, the last: %s",
                          incident->ejector->service, tlc_endpoint_get_text (incident->endpoint),
                          (health->at_us - now_us) / 1000, health->n_failures, incident->reason);
}

static char *
tlc_incident_describe_return_unlocked (const TlcIncident *incident, gint64 now_us)
{
  return g_strdup_printf ("service %s: %s: takes calls again, after %" G_GINT64_FORMAT " ms",
                          incident->ejector->service, tlc_endpoint_get_text (incident->endpoint),
                          (now_us - incident->endpoint->ejected_us) / 1000);
}

/* That a trial failed, and it is ejected again, is no news. Who follows the events gets them in the order in
 * which it happened: the lock is held. Nobody is called from here: see tlc-notifier.h. */
static void
tlc_incident_report_unlocked (const TlcIncident *incident, gint64 now_us)
{
  TlcEndpoint *endpoint = incident->endpoint;
  TlcHealthState state = endpoint->health.state;
  gboolean is_ejected = state == TLC_HEALTH_EJECTED && endpoint->ejected_us == 0;
  gboolean is_back = state == TLC_HEALTH_UP && endpoint->ejected_us != 0;
  char *message;

  if (!is_ejected && !is_back)
    return;
  message = is_ejected ? tlc_incident_describe_ejection_unlocked (incident, now_us)
                       : tlc_incident_describe_return_unlocked (incident, now_us);
  endpoint->ejected_us = is_ejected ? now_us : 0;
  tlc_notifier_post (incident->ejector->seats->notifier,
                     is_ejected ? TLC_EVENT_ENDPOINT_EJECTED : TLC_EVENT_ENDPOINT_BACK,
                     incident->generation, incident->ejector->service, message, NULL);
}

/* Returns whether its state is another now. */
static gboolean
tlc_incident_take_in_unlocked (const TlcIncident *incident, const TlcSnapshot *current)
{
  TlcEndpoint *endpoint = incident->endpoint;
  TlcHealthRules rules = tlc_ejector_get_rules_unlocked (current, endpoint);
  guint n_before = endpoint->health.n_failures;
  gboolean is_other = tlc_health_step (&endpoint->health, incident->event, &rules);

  if (incident->event == TLC_HEALTH_FAILED
      || (incident->event == TLC_HEALTH_UNREACHABLE && endpoint->health.n_failures > n_before))
    endpoint->n_failures++;
  endpoint->n_ejections += is_other && endpoint->health.state == TLC_HEALTH_EJECTED ? 1 : 0;
  if (is_other)
    tlc_incident_report_unlocked (incident, rules.now_us);
  tlc_endpoint_post_health_unlocked (endpoint);
  return is_other;
}

/* TRUE: its state is another now. */
static gboolean
tlc_ejector_step (TlcEjector *ejector, TlcEndpoint *endpoint, TlcHealthEvent event, const char *reason)
{
  g_auto (TlcUncancelled) whole = tlc_uncancelled_begin ();
  g_autoptr (TlcSnapshot) current = tlc_branch_read (ejector->seats->branch);
  TlcIncident incident = { ejector, endpoint, event, reason,
                           tlc_root_get_generation (ejector->seats->branch->root) };
  gboolean is_other;

  pthread_mutex_lock (&tlc_ejector_lock);
  is_other = tlc_incident_take_in_unlocked (&incident, current);
  pthread_mutex_unlock (&tlc_ejector_lock);
  if (event == TLC_HEALTH_FAILED || event == TLC_HEALTH_LOST)
    ejector->wake (ejector);
  return is_other;
}

void
tlc_ejector_note_failure (TlcEjector *ejector, TlcEndpoint *endpoint, const char *reason)
{
  tlc_ejector_step (ejector, endpoint, TLC_HEALTH_FAILED, reason);
}

void
tlc_ejector_note_lost (TlcEjector *ejector, TlcEndpoint *endpoint)
{
  tlc_ejector_step (ejector, endpoint, TLC_HEALTH_LOST, NULL);
}

void
tlc_ejector_note_answer (TlcEjector *ejector, TlcEndpoint *endpoint)
{
  tlc_ejector_step (ejector, endpoint, TLC_HEALTH_ANSWERED, NULL);
}

void
tlc_ejector_note_connected (TlcEjector *ejector, TlcEndpoint *endpoint)
{
  tlc_ejector_step (ejector, endpoint, TLC_HEALTH_CONNECTED, NULL);
}

void
tlc_ejector_note_unreachable (TlcEjector *ejector, TlcEndpoint *endpoint, const char *reason)
{
  tlc_ejector_step (ejector, endpoint, TLC_HEALTH_UNREACHABLE, reason);
}

gboolean
tlc_ejector_take_trial (TlcEjector *ejector, TlcEndpoint *endpoint)
{
  return tlc_ejector_step (ejector, endpoint, TLC_HEALTH_TAKEN, NULL);
}

TlcEjectorView
tlc_ejector_look (TlcEndpoint *endpoint)
{
  TlcEjectorView view;

  pthread_mutex_lock (&tlc_ejector_lock);
  view = (TlcEjectorView){ endpoint->health, endpoint->n_failures, endpoint->n_ejections };
  pthread_mutex_unlock (&tlc_ejector_lock);
  return view;
}

void
tlc_ejector_before_fork (void)
{
  pthread_mutex_lock (&tlc_ejector_lock);
}

void
tlc_ejector_after_fork (void)
{
  pthread_mutex_unlock (&tlc_ejector_lock);
}
