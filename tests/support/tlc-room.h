/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What tests of the rooms need to have a root: no server, no service. Programs that link the
 * library's objects include it. */
#include "model/tlc-branch.h"
#include "support/tlc-check.h"

/* Settings with those endpoints and what @keys_and_values say, up to NULL. */
static inline G_GNUC_NULL_TERMINATED TlcSettings *
tlc_room_settings (const char *endpoints, ...)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;
  TlcSettings *settings;
  const char *key;
  va_list keys;

  if (!tlc_config_set (config, "endpoints", endpoints, &error))
    ck_abort_msg ("%s", error->message);
  va_start (keys, endpoints);
  while ((key = va_arg (keys, const char *)) != NULL)
    if (!tlc_config_set (config, key, va_arg (keys, const char *), &error))
      ck_abort_msg ("%s", error->message);
  va_end (keys);
  settings = tlc_settings_new (config, "test", &error);
  if (settings == NULL)
    ck_abort_msg ("%s", error->message);
  return settings;
}

/* What their addresses stand for, resolved in the calling thread. */
static inline GPtrArray *
tlc_room_answers (const TlcSettings *settings)
{
  GPtrArray *answers = tlc_answers_new ();

  for (guint i = 0; i < settings->addresses->len; i++)
    g_ptr_array_add (answers, tlc_answer_ask (settings->addresses->pdata[i]));
  return answers;
}

/* A root with @settings, taken over, at generation 1. */
static inline TlcBranch *
tlc_room_branch (TlcSettings *settings)
{
  g_autoptr (GError) error = NULL;
  TlcBranch *branch = tlc_branch_new_alone (settings, tlc_room_answers (settings), &error);

  if (branch == NULL)
    ck_abort_msg ("%s", error->message);
  return branch;
}

/* What @root would be by @settings, taken over; with the lock held. */
static inline TlcSnapshot *
tlc_room_next_unlocked (TlcBranch *branch, TlcSettings *settings)
{
  g_autoptr (GError) error = NULL;
  TlcSnapshot *next
      = tlc_branch_make_next_unlocked (branch, settings, tlc_room_answers (settings), &error);

  if (next == NULL)
    ck_abort_msg ("%s", error->message);
  return next;
}
