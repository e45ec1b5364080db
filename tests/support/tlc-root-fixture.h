/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Changes of a root without a service, for tests of the room. */
#include "support/tlc-room.h"

/* Puts @endpoints in force, which have @answers, taken over. FALSE: they could not be. */
static inline gboolean
try_change_by (TlcRoot *root, const char *endpoints, GPtrArray *answers, GError **error)
{
  TlcSnapshot *next;

  tlc_root_lock ();
  next = tlc_root_make_next_unlocked (root, tlc_room_settings (endpoints, NULL), answers, error);
  if (next != NULL)
    tlc_root_publish_unlocked (root, next);
  tlc_root_unlock ();
  return next != NULL;
}

static inline void
change_by (TlcRoot *root, const char *endpoints, GPtrArray *answers)
{
  g_autoptr (GError) error = NULL;

  if (!try_change_by (root, endpoints, answers, &error))
    ck_abort_msg ("%s", error->message);
}

/* The same for endpoints that are no names. */
static inline void
change (TlcRoot *root, const char *endpoints)
{
  g_autoptr (TlcSettings) settings = tlc_room_settings (endpoints, NULL);

  change_by (root, endpoints, tlc_room_answers (settings));
}
