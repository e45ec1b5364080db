/* SPDX-License-Identifier: Apache-2.0 */

/* From a key file to services: each group a service, each key a setting. A mistake is told once, where it
 * was made: one in [defaults] not for each service again. */
#include "model/tlc-services-file.h"

#include <string.h>

#include "model/tlc-key-file.h"
#include "model/tlc-text.h"

static void
tlc_file_service_free (gpointer data)
{
  TlcFileService *service = data;

  g_free (service->name);
  tlc_config_free (service->config);
  g_free (service);
}

TlcServicesFile *
tlc_services_file_ref (TlcServicesFile *file)
{
  /* ORDER(ref.take): relaxed; whoever takes a reference holds one already. */
  atomic_fetch_add_explicit (&file->ref_count, 1, memory_order_relaxed);
  return file;
}

void
tlc_services_file_unref (TlcServicesFile *file)
{
  /* ORDER(ref.drop): acquire and release; the last one sees all that the others did before it
   * frees. */
  if (file == NULL
      || atomic_fetch_sub_explicit (&file->ref_count, 1, memory_order_acq_rel) != 1)
    return;
  g_free (file->name);
  g_free (file->text);
  g_ptr_array_unref (file->services);
  g_ptr_array_unref (file->addresses);
  g_free (file);
}

const TlcFileService *
tlc_services_file_find (const TlcServicesFile *file, const char *name)
{
  for (guint i = 0; i < file->services->len; i++)
    {
      const TlcFileService *service = file->services->pdata[i];

      if (g_str_equal (service->name, name))
        return service;
    }
  return NULL;
}

/* Sets what @group says; FALSE: not all of it is right. */
static gboolean
tlc_services_file_set_keys (TlcConfig *config, const TlcKeyGroup *group, TlcMistakes *mistakes)
{
  g_autofree char *shown = tlc_text_escape (group->name);
  gboolean is_good = TRUE;

  for (guint i = 0; i < group->entries->len && !tlc_mistakes_are_enough (mistakes); i++)
    {
      const TlcKeyEntry *entry = group->entries->pdata[i];
      g_autoptr (GError) error = NULL;

      if (tlc_config_set (config, entry->key, entry->value, &error))
        continue;
      tlc_mistakes_add (mistakes, entry->line, "%s: %s", shown, error->message);
      is_good = FALSE;
    }
  return is_good && !tlc_mistakes_are_enough (mistakes);
}

typedef struct {
  TlcMistakes *mistakes;
  guint line;
} TlcNotes;

static void
tlc_services_file_note (const GError *error, gpointer data)
{
  TlcNotes *notes = data;

  tlc_mistakes_add (notes->mistakes, notes->line, "%s", error->message);
}

/* Whether its settings, all good by themselves, are whole and go together. */
static void
tlc_services_file_check_whole (TlcServicesFile *file, TlcFileService *service,
                               TlcMistakes *mistakes)
{
  TlcNotes notes = { mistakes, service->line };
  g_autoptr (TlcSettings) settings = tlc_settings_new_noting (service->config, service->name,
                                                              tlc_services_file_note, &notes);

  if (settings == NULL)
    return;
  service->n_addresses = settings->addresses->len;
  for (guint i = 0; i < service->n_addresses; i++)
    g_ptr_array_add (file->addresses, tlc_address_copy (settings->addresses->pdata[i]));
}

static void
tlc_services_file_add (TlcServicesFile *file, const TlcKeyGroup *group, const TlcConfig *defaults,
                       gboolean are_defaults_good, TlcMistakes *mistakes)
{
  TlcFileService *service = g_new0 (TlcFileService, 1);
  g_autoptr (GError) error = NULL;
  gboolean is_good;

  service->name = g_strdup (group->name);
  service->line = group->line;
  service->config = tlc_config_copy (defaults);
  g_ptr_array_add (file->services, service);
  if (!tlc_settings_check_service_name (group->name, &error))
    tlc_mistakes_add (mistakes, group->line, "%s", error->message);
  is_good = tlc_services_file_set_keys (service->config, group, mistakes);
  /* What is missing may be what could not be read. */
  if (is_good && are_defaults_good && !group->is_damaged && error == NULL)
    tlc_services_file_check_whole (file, service, mistakes);
}

static gboolean
tlc_key_group_is_defaults (const TlcKeyGroup *group)
{
  return !group->is_extra && g_str_equal (group->name, TLC_SERVICES_FILE_DEFAULTS);
}

/* What could be wrong with its keys is told all the same. */
static void
tlc_services_file_look_at_extra (const TlcKeyGroup *group, TlcMistakes *mistakes)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();

  tlc_services_file_set_keys (config, group, mistakes);
}

static void
tlc_services_file_add_all (TlcServicesFile *file, const GPtrArray *groups, TlcMistakes *mistakes)
{
  g_autoptr (TlcConfig) defaults = tlc_config_new ();
  gboolean are_defaults_good = TRUE;

  for (guint i = 0; i < groups->len; i++)
    if (tlc_key_group_is_defaults (groups->pdata[i]))
      are_defaults_good = tlc_services_file_set_keys (defaults, groups->pdata[i], mistakes)
                          && !((TlcKeyGroup *) groups->pdata[i])->is_damaged;
  for (guint i = 0; i < groups->len; i++)
    {
      const TlcKeyGroup *group = groups->pdata[i];

      if (group->is_extra)
        tlc_services_file_look_at_extra (group, mistakes);
      else if (!tlc_key_group_is_defaults (group))
        tlc_services_file_add (file, group, defaults, are_defaults_good, mistakes);
    }
  if (file->services->len == 0 && tlc_mistakes_are_none (mistakes))
    tlc_mistakes_add (mistakes, 0, "no service in it: at least one group is right, such as [echo]");
}

TlcServicesFile *
tlc_services_file_parse (const char *name, const char *text, gsize length, GError **error)
{
  g_autoptr (TlcServicesFile) file = g_new0 (TlcServicesFile, 1);
  g_autoptr (GPtrArray) groups = NULL;
  TlcMistakes mistakes;
  gboolean is_good;

  atomic_init (&file->ref_count, 1);
  file->name = tlc_text_escape (name);
  file->text = g_strndup (text, 0);
  file->services = g_ptr_array_new_with_free_func (tlc_file_service_free);
  file->addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_address_free);
  tlc_mistakes_init (&mistakes, file->name);
  if (length > TLC_SERVICES_FILE_SIZE_MAX)
    tlc_mistakes_add (&mistakes, 0, "larger than %d bytes", TLC_SERVICES_FILE_SIZE_MAX);
  else
    {
      groups = tlc_key_file_parse (text, length, &mistakes);
      tlc_services_file_add_all (file, groups, &mistakes);
      g_free (file->text);
      file->text = g_memdup2 (text, length);
      file->length = length;
    }
  is_good = tlc_mistakes_are_none (&mistakes);
  if (!is_good)
    tlc_mistakes_set_error (&mistakes, error);
  tlc_mistakes_clear (&mistakes);
  return is_good ? g_steal_pointer (&file) : NULL;
}
