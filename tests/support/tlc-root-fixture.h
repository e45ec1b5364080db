/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Changes of a root without a service, for tests of the room. */
#include "support/tlc-room.h"

/* Puts @endpoints in force, which have @answers, taken over. FALSE: they could not be. */
static inline gboolean
try_change_by (TlcBranch *branch, const char *endpoints, GPtrArray *answers, GError **error)
{
  TlcSnapshot *next;

  tlc_root_lock ();
  next = tlc_branch_make_next_unlocked (branch, tlc_room_settings (endpoints, NULL), answers, error);
  if (next != NULL)
    tlc_branch_publish_unlocked (branch, next);
  tlc_root_unlock ();
  return next != NULL;
}

static inline void
change_by (TlcBranch *branch, const char *endpoints, GPtrArray *answers)
{
  g_autoptr (GError) error = NULL;

  if (!try_change_by (branch, endpoints, answers, &error))
    ck_abort_msg ("%s", error->message);
}

/* The same for endpoints that are no names. */
static inline void
change (TlcBranch *branch, const char *endpoints)
{
  g_autoptr (TlcSettings) settings = tlc_room_settings (endpoints, NULL);

  change_by (branch, endpoints, tlc_room_answers (settings));
}
