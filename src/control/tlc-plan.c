/* SPDX-License-Identifier: Apache-2.0 */

/* A plan: a step for each service that a file changes, with what it becomes, and all that is wrong with it.
 * Steps are announced to those that they concern and put in force by one store (see tlc-seats), or nothing
 * has happened. */
#include "control/tlc-plan.h"

#include "model/tlc-branch.h"
#include "model/tlc-error-private.h"

/* What one service becomes. */
typedef struct {
  TlcMember *member;       /* NULL: it is new */
  TlcBranch *branch;       /* new with it, until it is published; else the member's */
  const char *name;
  TlcSnapshot *next;
  TlcCore *core; /* announced to; a reference, since the handle may go */
  char *what;    /* "echo: endpoints" */
} TlcStep;

static void
tlc_step_clear (gpointer data)
{
  TlcStep *step = data;

  tlc_snapshot_unref (step->next);
  if (step->member == NULL && step->branch != NULL)
    tlc_branch_free (step->branch);
  if (step->core != NULL)
    tlc_core_unref (step->core);
  g_free (step->what);
}

void
tlc_plan_init (TlcPlan *plan, TlcCatalog *catalog, TlcServicesFile *file)
{
  *plan = (TlcPlan){ .catalog = catalog, .file = file, .errors = g_string_new (NULL) };
  plan->steps = g_array_new (FALSE, TRUE, sizeof (TlcStep));
  g_array_set_clear_func (plan->steps, tlc_step_clear);
}

void
tlc_plan_clear (TlcPlan *plan)
{
  g_array_unref (plan->steps);
  g_string_free (plan->errors, TRUE);
}

/* One line more, which names the place. */
static void
tlc_plan_note_error (TlcPlan *plan, const TlcFileService *wanted, GError *error)
{
  if (plan->errors->len == 0)
    plan->code = (TlcError) error->code;
  g_string_append_printf (plan->errors, "%s%s:%u: %s", plan->errors->len > 0 ? "\n" : "",
                          plan->file->name, wanted->line, error->message);
  g_error_free (error);
}

/* --- what is to be done --- */

static gboolean
tlc_member_is_ended (TlcMember *member)
{
  TlcService *service = member != NULL ? tlc_member_get_service (member) : NULL;

  return service != NULL && tlc_core_is_ended (tlc_service_get_core (service));
}

/* What @wanted becomes after @before, nullable. Takes @answers over. */
static TlcSnapshot *
tlc_plan_make_next_unlocked (const TlcFileService *wanted, const TlcStep *step,
                             const TlcSnapshot *before, GPtrArray *answers, GError **error)
{
  TlcSettings *settings = tlc_settings_new (wanted->config, wanted->name, error);
  gboolean runs = step->member != NULL && tlc_member_get_service (step->member) != NULL;
  TlcSnapshot *next;

  if (settings == NULL
      || (runs && !tlc_settings_check_change (before->settings, settings, wanted->name, error)))
    {
      tlc_settings_free (settings);
      g_ptr_array_unref (answers);
      return NULL;
    }
  next = tlc_branch_make_next_unlocked (step->branch, settings, answers, error);
  if (next == NULL)
    g_prefix_error (error, "service %s: ", wanted->name);
  return next;
}

static gboolean
tlc_snapshot_has_same_endpoints (const TlcSnapshot *a, const TlcSnapshot *b)
{
  gboolean is_same = a->endpoints->len == b->endpoints->len;

  for (guint i = 0; is_same && i < a->endpoints->len; i++)
    is_same = a->endpoints->pdata[i] == b->endpoints->pdata[i];
  return is_same;
}

/* What changes from @before to @next: "added", "back", "endpoints, call-timeout"; NULL: nothing does. */
static char *
tlc_plan_describe_change (const TlcSnapshot *before, const TlcSnapshot *next)
{
  g_autofree char *keys = NULL;

  if (before == NULL)
    return g_strdup ("added");
  if (before->closed)
    return g_strdup ("back");
  keys = tlc_settings_list_changes (before->settings, next->settings);
  if (*keys != '\0')
    return g_steal_pointer (&keys);
  return tlc_snapshot_has_same_endpoints (before, next) ? NULL : g_strdup ("what its names stand for");
}

/* One service that the file has. Takes @answers over. */
static void
tlc_plan_add_unlocked (TlcPlan *plan, const TlcFileService *wanted, GPtrArray *answers)
{
  TlcStep step = { .member = tlc_directory_find (&plan->catalog->directory, wanted->name),
                   .name = wanted->name };
  const TlcSnapshot *before = NULL;
  g_autofree char *what = NULL;
  GError *error = NULL;

  if (tlc_member_is_ended (step.member))
    {
      g_ptr_array_unref (answers);
      return;
    }
  step.branch = step.member != NULL ? step.member->branch : tlc_branch_new (plan->catalog->root);
  if (step.member != NULL)
    before = tlc_branch_peek_unlocked (step.branch);
  step.next = tlc_plan_make_next_unlocked (wanted, &step, before, answers, &error);
  if (step.next == NULL)
    tlc_plan_note_error (plan, wanted, error);
  else
    what = tlc_plan_describe_change (before, step.next);
  if (what == NULL)
    {
      plan->n_same += step.next != NULL;
      tlc_step_clear (&step);
      return;
    }
  step.what = g_strdup_printf ("%s: %s", wanted->name, what);
  g_array_append_val (plan->steps, step);
}

static gboolean
tlc_plan_has (const TlcPlan *plan, const char *name)
{
  for (guint i = 0; i < plan->file->services->len; i++)
    if (g_str_equal (((const TlcFileService *) plan->file->services->pdata[i])->name, name))
      return TRUE;
  return FALSE;
}

/* The services that are in force and that the file has not. */
static void
tlc_plan_add_gone_unlocked (TlcPlan *plan)
{
  GPtrArray *members = plan->catalog->directory.members;

  for (guint i = 0; i < members->len; i++)
    {
      TlcMember *member = members->pdata[i];
      TlcStep step = { .member = member, .branch = member->branch, .name = member->name };
      TlcSnapshot *before = tlc_branch_peek_unlocked (member->branch);

      if (before->closed || tlc_plan_has (plan, member->name))
        continue;
      step.next = tlc_snapshot_new_closed (before);
      step.what = g_strdup_printf ("%s: gone", member->name);
      g_array_append_val (plan->steps, step);
    }
}

/* Takes the first @n of @answers. */
static GPtrArray *
tlc_plan_take_answers (GPtrArray *answers, guint *at, guint n)
{
  GPtrArray *taken = tlc_answers_new ();

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (taken, tlc_answer_copy (answers->pdata[(*at)++]));
  return taken;
}

gboolean
tlc_plan_make_unlocked (TlcPlan *plan, GPtrArray *answers, GError **error)
{
  guint at = 0;

  for (guint i = 0; i < plan->file->services->len; i++)
    {
      const TlcFileService *wanted = plan->file->services->pdata[i];

      tlc_plan_add_unlocked (plan, wanted,
                             tlc_plan_take_answers (answers, &at, wanted->n_addresses));
    }
  g_ptr_array_unref (answers);
  if (plan->errors->len > 0)
    {
      tlc_error_set (error, plan->code, TLC_DELIVERY_NOT_SENT, "%s", plan->errors->str);
      return FALSE;
    }
  tlc_plan_add_gone_unlocked (plan);
  return TRUE;
}

/* --- doing it --- */

static void
tlc_step_announce_unlocked (TlcStep *step, TlcCatalog *catalog)
{
  TlcService *service;

  if (step->member == NULL)
    {
      tlc_root_add_unlocked (catalog->root, step->branch);
      step->member = tlc_directory_add_unlocked (&catalog->directory, step->name, step->branch);
      return;
    }
  service = tlc_member_get_service (step->member);
  if (service == NULL)
    return;
  step->core = tlc_core_ref (tlc_service_get_core (service));
  tlc_core_announce_unlocked (step->core, step->next);
}

static void
tlc_step_publish_unlocked (TlcStep *step, TlcTable *table)
{
  /* ORDER(member.open): relaxed; what keeps calls away is the snapshot. */
  atomic_store_explicit (&step->member->is_open, !step->next->closed, memory_order_relaxed);
  tlc_table_set (table, step->branch->place, g_steal_pointer (&step->next));
}

void
tlc_plan_publish_unlocked (TlcPlan *plan)
{
  TlcCatalog *catalog = plan->catalog;
  TlcTable *table;

  for (guint i = 0; i < plan->steps->len; i++)
    tlc_step_announce_unlocked (&g_array_index (plan->steps, TlcStep, i), catalog);
  table = tlc_root_copy_table_unlocked (catalog->root);
  for (guint i = 0; i < plan->steps->len; i++)
    tlc_step_publish_unlocked (&g_array_index (plan->steps, TlcStep, i), table);
  tlc_root_publish_unlocked (catalog->root, table);
}

void
tlc_plan_follow (TlcPlan *plan)
{
  for (guint i = 0; i < plan->steps->len; i++)
    {
      TlcCore *core = g_array_index (plan->steps, TlcStep, i).core;

      if (core != NULL)
        tlc_core_follow_change (core);
    }
  tlc_catalog_reclaim (plan->catalog);
}

char *
tlc_plan_describe (const TlcPlan *plan)
{
  GString *text = g_string_new (NULL);

  g_string_printf (text, "%s: in force: ", plan->file->name);
  for (guint i = 0; i < plan->steps->len; i++)
    g_string_append_printf (text, "%s; ", g_array_index (plan->steps, TlcStep, i).what);
  g_string_append_printf (text, "%u as before", plan->n_same);
  return g_string_free (text, FALSE);
}
