/* SPDX-License-Identifier: Apache-2.0 */

/* Balancing: which endpoint the connection in a seat leads to.
 *
 * Each endpoint that takes calls has a share of the connections: by its weight, less while it is new or has
 * just come back, nothing while one of a lower tier does the work.
 *
 *   spread, ordered   Each seat ranks the endpoints by a hash of both, weighted by the shares (rendezvous
 *                     hashing), and takes the first that has not a quarter more connections than its share
 *                     (bounded loads); of few connections, not one more.
 *   least-loaded      The better of two that chance picks.
 *
 * Nobody moves connections about. A thread that calls looks now and then, between two calls, whether its own
 * should lead elsewhere: since the endpoint takes no calls any more; since another is on trial, and it is the
 * one who tries; since there are too many here and too few there; since calls take much longer here. So
 * what a change moves is what is missing at one end and too much at the other, and nothing else. */
#include "connect/tlc-balance.h"

#include <math.h>

/* Of its share, how much more connections an endpoint may be given. */
#define TLC_BALANCE_SLACK 1.25
/* Of its share, how much one that is new may lack and not be given connections of others. */
#define TLC_BALANCE_LACK 0.875
/* So long after its slow start it is new. */
#define TLC_BALANCE_NEW_US (10 * G_USEC_PER_SEC)
/* What an endpoint is given that has just come, of what it will have in the end. */
#define TLC_BALANCE_FIRST 0.1
/* least-loaded: loads that differ by less are alike. */
#define TLC_BALANCE_ALIKE 1.25
/* The same: so many times more load is worth a move. */
#define TLC_BALANCE_WORSE 2
/* The same: latencies below are alike. */
#define TLC_BALANCE_LATENCY_MIN_US 100
/* The same: when nobody has called there for so long, one thread does, to see. */
#define TLC_BALANCE_EXPLORE_US G_USEC_PER_SEC
/* The same: how often calls in flight are counted. */
#define TLC_BALANCE_SURVEY_US (50 * 1000)

typedef struct {
  TlcEndpoint *endpoint;
  TlcPlace place;
  TlcHealth health;
  gboolean is_available;
  gboolean is_tried;
  gint64 since_us; /* since when it takes calls */
  guint n;       /* connections */
  guint room;    /* so many it may be given; 0: none more */
  double ramp;   /* how much of its share it is given yet: up to 1 */
  double share;  /* of all connections */
  double rank;   /* by this seat: the higher the better */
} TlcCandidate;

/* A choice at work. */
typedef struct {
  TlcBalance *balance;
  const TlcChoice *choice;
  TlcCandidate *candidates;
  guint n_candidates;
  guint n_connections; /* of all of them */
  guint best_tier;     /* of those that are available; G_MAXUINT: none is */
} TlcField;

void
tlc_balance_init (TlcBalance *balance, TlcSeats *seats, TlcEjector *ejector, guint64 seed)
{
  balance->seats = seats;
  balance->ejector = ejector;
  balance->seed = seed;
  atomic_init (&balance->surveyed_us, 0);
}

/* --- the field --- */

/* The finalizer of splitmix64: each bit of the result depends on each of @value. */
static guint64
tlc_balance_mix (guint64 value)
{
  value = (value ^ (value >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return value ^ (value >> 31);
}

/* Between 0 and 1, neither of them. */
static double
tlc_balance_draw (guint64 value)
{
  return ((double) (tlc_balance_mix (value) >> 11) + 0.5) / (double) (G_GUINT64_CONSTANT (1) << 53);
}

static double
tlc_candidate_get_ramp (const TlcCandidate *candidate, const TlcChoice *choice)
{
  gint64 slow_start_us = choice->snapshot->settings->slow_start_us;

  if (slow_start_us == 0)
    return 1;
  return CLAMP ((double) (choice->now_us - candidate->since_us) / (double) slow_start_us,
                TLC_BALANCE_FIRST, 1);
}

static void
tlc_field_add (TlcField *field, guint i)
{
  const TlcChoice *choice = field->choice;
  const TlcSnapshot *snapshot = choice->snapshot;
  TlcCandidate *candidate = &field->candidates[i];

  candidate->endpoint = snapshot->endpoints->pdata[i];
  candidate->place = g_array_index (snapshot->places, TlcPlace, i);
  candidate->health = tlc_endpoint_look_at_health (candidate->endpoint, choice->now_us);
  candidate->n = tlc_endpoint_count_connections (candidate->endpoint);
  candidate->is_tried
      = choice->tried != NULL && g_ptr_array_find (choice->tried, candidate->endpoint, NULL);
  /* One that fails and may not be ejected, since too many are, is no better than those. */
  candidate->is_available = candidate->health.state == TLC_HEALTH_UP
                            && candidate->health.n_failures < snapshot->settings->eject_after;
  candidate->since_us
      = MAX (candidate->health.at_us, tlc_endpoint_get_joined_us (candidate->endpoint));
  candidate->ramp = candidate->is_available ? tlc_candidate_get_ramp (candidate, choice) : 0;
  field->n_connections += candidate->n;
  if (candidate->is_available)
    field->best_tier = MIN (field->best_tier, candidate->place.tier);
}

/* The tier that comes after @tier among those that are available; G_MAXUINT: none. */
static guint
tlc_field_get_next_tier (const TlcField *field, guint tier)
{
  guint next = G_MAXUINT;

  for (guint i = 0; i < field->n_candidates; i++)
    {
      const TlcCandidate *candidate = &field->candidates[i];

      if (candidate->is_available && candidate->place.tier > tier)
        next = MIN (next, candidate->place.tier);
    }
  return next;
}

/* Gives the endpoints of @tier their shares of @part; returns how far the first of them has come up. */
static double
tlc_field_share_among (TlcField *field, guint tier, double part)
{
  double sum = 0, most = 0;

  for (guint i = 0; i < field->n_candidates; i++)
    if (field->candidates[i].is_available && field->candidates[i].place.tier == tier)
      {
        sum += field->candidates[i].ramp * field->candidates[i].place.weight;
        most = MAX (most, field->candidates[i].ramp);
      }
  for (guint i = 0; i < field->n_candidates; i++)
    if (field->candidates[i].is_available && field->candidates[i].place.tier == tier)
      field->candidates[i].share
          = part * field->candidates[i].ramp * field->candidates[i].place.weight / sum;
  return most;
}

/* A tier whose endpoints have all just come back leaves the rest to the next, which has taken their place. */
static void
tlc_field_share (TlcField *field)
{
  double part = 1, highest = 0;

  for (guint i = 0; i < field->n_candidates; i++)
    highest = MAX (highest, field->candidates[i].ramp);
  /* Where all are new none is. */
  for (guint i = 0; i < field->n_candidates; i++)
    field->candidates[i].ramp /= MAX (highest, TLC_BALANCE_FIRST);
  for (guint tier = field->best_tier; tier != G_MAXUINT && part > 0;)
    {
      guint next = tlc_field_get_next_tier (field, tier);
      double most = tlc_field_share_among (field, tier, part);

      if (next != G_MAXUINT)
        tlc_field_share_among (field, tier, part * most);
      part -= part * most;
      tier = next;
    }
}

/* Who has the share gets this seat with its probability, whatever becomes of the other shares. */
static void
tlc_field_rank (TlcField *field)
{
  guint64 seat = tlc_balance_mix (field->balance->seed + field->choice->seat);

  for (guint i = 0; i < field->n_candidates; i++)
    {
      TlcCandidate *candidate = &field->candidates[i];
      double weight = candidate->share > 0 ? candidate->share : candidate->place.weight;

      candidate->rank = -weight / log (tlc_balance_draw (seat ^ candidate->endpoint->hash));
    }
}

static void
tlc_field_init (TlcField *field, TlcBalance *balance, const TlcChoice *choice)
{
  guint n = choice->snapshot->endpoints->len;

  *field = (TlcField){
    .balance = balance,
    .choice = choice,
    .candidates = g_new0 (TlcCandidate, n),
    .n_candidates = n,
    .best_tier = G_MAXUINT,
  };
  for (guint i = 0; i < n; i++)
    tlc_field_add (field, i);
  tlc_field_share (field);
  tlc_field_rank (field);
}

static void
tlc_field_clear (TlcField *field)
{
  g_free (field->candidates);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TlcField, tlc_field_clear)

/* --- trials --- */

/* An endpoint that was ejected, which the caller is to try; not where a better tier does the work. */
static TlcEndpoint *
tlc_field_take_trial (TlcField *field, guint worst_tier)
{
  for (guint i = 0; i < field->n_candidates; i++)
    {
      const TlcCandidate *candidate = &field->candidates[i];

      if (candidate->health.state == TLC_HEALTH_TRIAL && !candidate->is_tried
          && candidate->place.tier <= worst_tier
          && tlc_ejector_take_trial (field->balance->ejector, candidate->endpoint))
        {
          tlc_endpoint_reserve (candidate->endpoint, G_MAXUINT);
          return candidate->endpoint;
        }
    }
  return NULL;
}

/* --- load, for least-loaded --- */

/* Counts calls in flight, for all, unless somebody has just done so. */
static void
tlc_balance_survey (TlcBalance *balance, const TlcSnapshot *snapshot, gint64 now_us)
{
  /* ORDER(endpoint.load): relaxed; the compare-and-swap alone decides who counts. */
  gint64 before_us = atomic_load_explicit (&balance->surveyed_us, memory_order_relaxed);
  guint n = snapshot->endpoints->len;
  g_autofree guint *counts = NULL;

  if (now_us - before_us < TLC_BALANCE_SURVEY_US
      /* ORDER(endpoint.load): relaxed; as above. */
      || !atomic_compare_exchange_strong_explicit (&balance->surveyed_us, &before_us, now_us,
                                                   memory_order_relaxed, memory_order_relaxed))
    return;
  counts = g_new0 (guint, 2 * n);
  tlc_seats_survey (balance->seats, (TlcEndpoint *const *) snapshot->endpoints->pdata, n, counts,
                    counts + n);
  for (guint i = 0; i < n; i++)
    tlc_endpoint_note_in_flight (snapshot->endpoints->pdata[i], counts[n + i]);
}

/* How long a call would take there, if those in flight were before it. */
static double
tlc_candidate_get_load (const TlcCandidate *candidate)
{
  guint latency_us = tlc_endpoint_get_latency_us (candidate->endpoint);

  return (tlc_endpoint_get_in_flight (candidate->endpoint) + 1)
         * MAX (latency_us, TLC_BALANCE_LATENCY_MIN_US) / candidate->place.weight;
}

/* One with a share, by chance; NULL: there is none but @other. */
static TlcCandidate *
tlc_field_draw (TlcField *field, const TlcCandidate *other, guint64 salt)
{
  guint n = 0, at;

  for (guint i = 0; i < field->n_candidates; i++)
    n += field->candidates[i].share > 0 && !field->candidates[i].is_tried
         && &field->candidates[i] != other;
  if (n == 0)
    return NULL;
  at = (guint) (tlc_balance_mix ((guint64) field->choice->now_us * 2 + salt
                                 + ((guint64) field->choice->seat << 40))
                % n);
  for (guint i = 0; i < field->n_candidates; i++)
    if (field->candidates[i].share > 0 && !field->candidates[i].is_tried
        && &field->candidates[i] != other && at-- == 0)
      return &field->candidates[i];
  return NULL;
}

/* Where loads are alike, the one with fewer connections for its weight. */
static gboolean
tlc_candidate_is_less_loaded (const TlcCandidate *a, const TlcCandidate *b)
{
  double load_a = tlc_candidate_get_load (a), load_b = tlc_candidate_get_load (b);

  if (load_a * TLC_BALANCE_ALIKE < load_b || load_b * TLC_BALANCE_ALIKE < load_a)
    return load_a < load_b;
  return (guint64) a->n * b->place.weight < (guint64) b->n * a->place.weight;
}

static TlcCandidate *
tlc_field_pick_less_loaded (TlcField *field)
{
  TlcCandidate *a = tlc_field_draw (field, NULL, 0);
  TlcCandidate *b = a != NULL ? tlc_field_draw (field, a, 1) : NULL;

  return b != NULL && tlc_candidate_is_less_loaded (b, a) ? b : a;
}

/* Nobody has called at @candidate lately, and it is our turn to see how it is. */
static gboolean
tlc_candidate_explore (TlcCandidate *candidate, gint64 now_us)
{
  /* ORDER(endpoint.load): relaxed; the compare-and-swap alone decides who goes. */
  gint64 before_us
      = atomic_load_explicit (&candidate->endpoint->measured_us, memory_order_relaxed);

  return now_us - before_us >= TLC_BALANCE_EXPLORE_US
         /* ORDER(endpoint.load): relaxed; as above. */
         && atomic_compare_exchange_strong_explicit (&candidate->endpoint->measured_us, &before_us,
                                                     now_us, memory_order_relaxed,
                                                     memory_order_relaxed);
}

static TlcCandidate *
tlc_field_find_less_loaded (TlcField *field, TlcCandidate *current)
{
  TlcCandidate *other = tlc_field_draw (field, current, 0);

  if (other == NULL)
    return NULL;
  if (tlc_candidate_get_load (other) * TLC_BALANCE_WORSE < tlc_candidate_get_load (current))
    return other;
  return tlc_candidate_explore (other, field->choice->now_us) ? other : NULL;
}

/* --- shares, for spread and ordered --- */

/* How many connections it is to have of @n. */
static double
tlc_candidate_get_due (const TlcCandidate *candidate, guint n)
{
  return candidate->share * n;
}

/* Whether @a is to be tried before @b: those with a share, by rank; then those of later tiers, those that
 * fail, and those that are ejected. */
static gboolean
tlc_candidate_is_before (const TlcCandidate *a, const TlcCandidate *b, const TlcEndpoint *last)
{
  if ((a->endpoint == last) != (b->endpoint == last))
    return b->endpoint == last;
  if (a->is_available != b->is_available)
    return a->is_available;
  if (a->is_available && (a->share > 0) != (b->share > 0))
    return a->share > 0;
  if (a->health.state != b->health.state && !a->is_available)
    return a->health.state == TLC_HEALTH_UP;
  if ((a->share == 0 || !a->is_available) && a->place.tier != b->place.tier)
    return a->place.tier < b->place.tier;
  return a->rank > b->rank;
}

/* The first of those that were not tried; NULL: there is none. */
static TlcCandidate *
tlc_field_pick_first (TlcField *field)
{
  TlcCandidate *first = NULL;

  for (guint i = 0; i < field->n_candidates; i++)
    {
      TlcCandidate *candidate = &field->candidates[i];

      if (!candidate->is_tried
          && (first == NULL || tlc_candidate_is_before (candidate, first, field->choice->last)))
        first = candidate;
    }
  return first;
}

/* Of those that have a share, and room for one connection more. */
static TlcCandidate *
tlc_field_pick_by_rank (TlcField *field)
{
  TlcCandidate *best = NULL;

  for (guint i = 0; i < field->n_candidates; i++)
    {
      TlcCandidate *candidate = &field->candidates[i];
      double due = tlc_candidate_get_due (candidate, field->n_connections + 1);

      candidate->room = (guint) MAX (ceil (due), floor (due * TLC_BALANCE_SLACK));
      if (!candidate->is_tried && candidate->endpoint != field->choice->last
          && candidate->n < candidate->room && (best == NULL || candidate->rank > best->rank))
        best = candidate;
    }
  return best;
}

/* Whether @candidate has come later than @other, and has its share to be made up still. */
static gboolean
tlc_field_is_newer (const TlcField *field, const TlcCandidate *candidate, const TlcCandidate *other)
{
  gint64 new_us = 2 * field->choice->snapshot->settings->slow_start_us + TLC_BALANCE_NEW_US;

  return candidate->since_us > other->since_us
         && field->choice->now_us - candidate->since_us < new_us;
}

/* Whether @other, which has room, is worth a connection of @current, which has more than its share: where that
 * is to have none, or has more than anybody may be given; or where @other is new. What chance and the going of
 * threads make uneven is no reason. */
static gboolean
tlc_field_is_worth (const TlcField *field, const TlcCandidate *other, const TlcCandidate *current)
{
  double due = tlc_candidate_get_due (current, field->n_connections);

  return current->n > ceil (due * TLC_BALANCE_SLACK)
         || (tlc_field_is_newer (field, other, current)
             && other->n < tlc_candidate_get_due (other, field->n_connections) * TLC_BALANCE_LACK);
}

/* One that has too few connections, where @current has too many; NULL: there is none. */
static TlcCandidate *
tlc_field_find_lacking (TlcField *field, const TlcCandidate *current)
{
  TlcCandidate *best = NULL;

  if (current->n < tlc_candidate_get_due (current, field->n_connections) + 1)
    return NULL;
  for (guint i = 0; i < field->n_candidates; i++)
    {
      TlcCandidate *candidate = &field->candidates[i];

      if (candidate->share > 0
          && candidate->n + 1 <= tlc_candidate_get_due (candidate, field->n_connections)
          && tlc_field_is_worth (field, candidate, current)
          && (best == NULL || candidate->rank > best->rank))
        best = candidate;
    }
  return best;
}

/* --- choices --- */

static gboolean
tlc_field_is_by_load (const TlcField *field)
{
  return field->choice->snapshot->settings->balance == TLC_BALANCE_LEAST_LOADED;
}

static TlcEndpoint *
tlc_candidate_reserve (TlcCandidate *candidate, guint max)
{
  return tlc_endpoint_reserve (candidate->endpoint, max) ? candidate->endpoint : NULL;
}

static TlcEndpoint *
tlc_field_try_pick (TlcField *field)
{
  TlcCandidate *candidate
      = tlc_field_is_by_load (field) ? tlc_field_pick_less_loaded (field) : tlc_field_pick_by_rank (field);

  if (candidate != NULL)
    return tlc_candidate_reserve (candidate, tlc_field_is_by_load (field) ? G_MAXUINT : candidate->room);
  candidate = tlc_field_pick_first (field);
  return candidate != NULL ? tlc_candidate_reserve (candidate, G_MAXUINT) : NULL;
}

/* Many dial at once: whoever finds no room where there was some counts again. */
#define TLC_BALANCE_TRIES 100

TlcEndpoint *
tlc_balance_pick (TlcBalance *balance, const TlcChoice *choice)
{
  TlcEndpoint *endpoint = NULL;

  if (choice->snapshot->settings->balance == TLC_BALANCE_LEAST_LOADED)
    tlc_balance_survey (balance, choice->snapshot, choice->now_us);
  for (guint i = 0; endpoint == NULL && i < TLC_BALANCE_TRIES; i++)
    {
      g_auto (TlcField) field;

      tlc_field_init (&field, balance, choice);
      if (tlc_field_pick_first (&field) == NULL)
        return NULL;
      if (choice->is_for_call)
        endpoint = tlc_field_take_trial (&field, field.best_tier);
      if (endpoint == NULL)
        endpoint = tlc_field_try_pick (&field);
    }
  return endpoint;
}

static TlcCandidate *
tlc_field_find (TlcField *field, const TlcEndpoint *endpoint)
{
  for (guint i = 0; i < field->n_candidates; i++)
    if (field->candidates[i].endpoint == endpoint)
      return &field->candidates[i];
  return NULL;
}

/* An endpoint that has failed lost its last connection, and its threads, before it was ejected: nobody has seen
 * to it since. */
static void
tlc_field_see_to_probes (const TlcField *field)
{
  for (guint i = 0; i < field->n_candidates; i++)
    if (field->candidates[i].health.state == TLC_HEALTH_UP
        && tlc_endpoint_wants_probe (field->candidates[i].endpoint, field->choice->now_us))
      {
        field->balance->ejector->wake (field->balance->ejector);
        return;
      }
}

/* Away from @here, which takes no calls. */
static TlcEndpoint *
tlc_field_leave (TlcField *field, TlcCandidate *here)
{
  here->is_tried = TRUE;
  return field->best_tier != G_MAXUINT ? tlc_field_try_pick (field) : NULL;
}

TlcEndpoint *
tlc_balance_reconsider (TlcBalance *balance, const TlcChoice *choice, const TlcEndpoint *current)
{
  g_auto (TlcField) field;
  TlcCandidate *here, *there;
  TlcEndpoint *endpoint;

  if (choice->snapshot->settings->balance == TLC_BALANCE_LEAST_LOADED)
    tlc_balance_survey (balance, choice->snapshot, choice->now_us);
  tlc_field_init (&field, balance, choice);
  tlc_field_see_to_probes (&field);
  here = tlc_field_find (&field, current);
  if (here == NULL)
    return NULL; /* retired: others see to that */
  endpoint = tlc_field_take_trial (&field, here->is_available ? here->place.tier : G_MAXUINT);
  if (endpoint != NULL)
    return endpoint;
  if (!here->is_available)
    return tlc_field_leave (&field, here);
  there = tlc_field_is_by_load (&field) && here->share > 0 ? tlc_field_find_less_loaded (&field, here)
                                                          : tlc_field_find_lacking (&field, here);
  return there != NULL ? tlc_candidate_reserve (there, there->n + 1) : NULL;
}
