/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tlc/registry.h"

/* Tells the program what happens, on the keeper's thread. Reference-counted: whoever has something to tell
 * holds a reference. Any thread. */
typedef struct _TlcNotifier TlcNotifier;

/* So many events wait for being told; of more the oldest are lost, and counted. */
#define TLC_NOTIFIER_EVENTS_MAX 64

TlcNotifier *tlc_notifier_new (void);
TlcNotifier *tlc_notifier_ref (TlcNotifier *notifier);
void tlc_notifier_unref (TlcNotifier *notifier); /* NULL: nothing */
/* Who is told from now on; as tlc_registry_set_notify(). What happens while nobody is told is forgotten. */
void tlc_notifier_set_func (TlcNotifier *notifier, TlcNotifyFunc func, gpointer data,
                            GDestroyNotify destroy);
/* Has @func told; takes @message and @error, nullable, over. Nobody is told by a NULL @notifier, or where the
 * keeper cannot be started. */
void tlc_notifier_post (TlcNotifier *notifier, TlcEventKind kind, guint64 generation,
                        const char *service, char *message, GError *error);
