/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib-object.h>

#include <tlc/service.h>
#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * TlcRegistry:
 *
 * The services of a program by name, and their settings, from one file: a group for each service, and
 * `[defaults]`, whose keys hold for every service that does not set them.
 *
 * |[
 * [defaults]
 * call-timeout = 250ms
 *
 * [echo]
 * endpoints = tcp://10.0.0.7:9090, tcp://10.0.0.8:9090
 *
 * [log]
 * endpoints = unix:/run/log.sock
 * call-timeout = 2s
 * ]|
 *
 * What a file changes it changes for all services at one instant: a thread that has called one service by
 * the new settings calls no other by the old ones. A file with a mistake changes nothing.
 */
typedef struct _TlcRegistry TlcRegistry;

/**
 * TlcEventKind:
 * @TLC_EVENT_APPLIED: a file or text is in force; the message says what it changed
 * @TLC_EVENT_REJECTED: one is not, and what was in force before still is; the message has all errors, one a
 *   line
 * @TLC_EVENT_HOLD_TOO_LONG: a thread has held a connection for longer than hold-timeout, which is closed
 * @TLC_EVENT_ENDPOINT_EJECTED: an endpoint failed `eject-after` times in a row, and takes no calls for a while
 * @TLC_EVENT_ENDPOINT_BACK: it does again
 */
typedef enum {
  TLC_EVENT_APPLIED,
  TLC_EVENT_REJECTED,
  TLC_EVENT_HOLD_TOO_LONG,
  TLC_EVENT_ENDPOINT_EJECTED,
  TLC_EVENT_ENDPOINT_BACK
} TlcEventKind;

/**
 * TlcEvent:
 * @kind: what happened; more kinds may come
 * @generation: the registry's, when it happened: after an @TLC_EVENT_APPLIED that of what was applied
 * @message: the whole story, for a log
 * @service: (nullable): the service that it concerns; %NULL: all of them
 * @error: (nullable): of what was rejected
 * @n_lost: how many events before this one nobody was told of, since they came faster than they were
 *   taken
 *
 * Belongs to the library, and lasts for the call that it comes with.
 */
typedef struct {
  TlcEventKind kind;
  guint n_lost;
  guint64 generation;
  const char *message;
  const char *service;
  const GError *error;
  gpointer reserved[4];
} TlcEvent;

/**
 * TlcNotifyFunc:
 * @event: what happened
 * @user_data: what tlc_registry_set_notify() was given
 *
 * Threads: it is called on the library's own thread, one call after the other, no lock held. Everything that
 *   the keeper does waits meanwhile: it should return soon. It must not load, roll back or drain
 *   (%TLC_ERROR_BUSY), and may release the registry.
 */
typedef void (*TlcNotifyFunc) (const TlcEvent *event, gpointer user_data);

/**
 * tlc_registry_new:
 *
 * Returns: (transfer full): a registry without services; release with tlc_registry_unref()
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcRegistry *tlc_registry_new (void);

/**
 * tlc_registry_ref:
 * @registry: a registry
 *
 * Threads: any that may use @registry.
 *
 * Returns: (transfer full): @registry
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcRegistry *tlc_registry_ref (TlcRegistry *registry);

/**
 * tlc_registry_unref:
 * @registry: (nullable) (transfer full): a registry
 *
 * Releases a reference. With the last one all services close, together, as by tlc_service_close(), and
 * nobody is notified any more. Their clients must not be used any more, in any thread.
 *
 * Threads: any that may use @registry.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_registry_unref (TlcRegistry *registry);

/**
 * tlc_registry_load:
 * @registry: a registry
 * @path: a regular file of at most 1 MiB; no FIFO and no device
 * @error: return location for an error
 *
 * Puts the file in force, for all services at one instant, or changes nothing. Loading again is reloading:
 *
 * - services that are as they were keep their connections, and their threads notice nothing
 * - those that changed go by the new settings from their next call on, as by tlc_service_reconfigure()
 * - those that are gone take no more calls (%TLC_ERROR_CLOSED); calls in flight end, in close-timeout at most
 * - those that come back take calls again, on the same #TlcService
 *
 * Host names are resolved, again, for at most 10 s; one that has no answer now keeps the addresses it
 * had. Of several loads at a time, that which began last is in force in the end.
 *
 * Threads: any, while others call. Not from the notification, nor inside an RCU read section of liburcu-bp.
 *
 * Errors: %TLC_ERROR_CONFIG: the file cannot be read, or what is wrong with it: all mistakes at once, one a
 *   line, each with file, line, service, key, value and what would be right; also for a service that is
 *   in use and cannot change so while it is; %TLC_ERROR_UNAVAILABLE for a host name that has no address;
 *   %TLC_ERROR_EXHAUSTED as for tlc_service_reconfigure(); %TLC_ERROR_BUSY where it would wait for itself.
 *
 * Returns: whether the file is in force
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_registry_load (TlcRegistry *registry, const char *path, GError **error);

/**
 * tlc_registry_load_data:
 * @registry: a registry
 * @text: what a file would contain; copied
 * @length: its length in bytes; -1: up to its NUL
 * @error: return location for an error
 *
 * The same with a text, wherever it comes from. Messages call it `text`.
 *
 * Threads: as for tlc_registry_load().
 *
 * Errors: as for tlc_registry_load().
 *
 * Returns: whether the text is in force
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_registry_load_data (TlcRegistry *registry, const char *text, gssize length,
                                 GError **error);

/**
 * tlc_registry_rollback:
 * @registry: a registry
 * @error: return location for an error
 *
 * Goes back to what was in force before the last load that changed the text; and once more, further back,
 * up to 8 texts. It takes effect like a load, with a generation of its own. A file that is watched stays as
 * it is, and is loaded again when it changes.
 *
 * Threads: as for tlc_registry_load().
 *
 * Errors: %TLC_ERROR_CONFIG where there is nothing to go back to; else as for tlc_registry_load().
 *
 * Returns: whether what was before is in force again
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_registry_rollback (TlcRegistry *registry, GError **error);

/**
 * tlc_registry_watch:
 * @registry: a registry that has loaded a file
 * @error: return location for an error
 *
 * From now on the file that was loaded last is loaded again whenever it changes: rewritten in place, renamed
 * over, reached through a symbolic link that changed, in a directory that was replaced. It is read
 * when it has settled. One that is missing for a while, or cannot be used, changes nothing. What came of it
 * tells tlc_registry_set_notify(). Files on a network are not seen to change. Watching again changes nothing.
 *
 * Threads: any. Starts the library's thread.
 *
 * Errors: %TLC_ERROR_CONFIG where no file has been loaded; %TLC_ERROR_EXHAUSTED where the system
 *   gives no inotify instance, or no thread.
 *
 * Returns: whether the file is watched
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_registry_watch (TlcRegistry *registry, GError **error);

/**
 * tlc_registry_set_notify:
 * @registry: a registry
 * @func: (nullable): who is told from now on; %NULL: nobody
 * @user_data: for @func
 * @destroy: (nullable): called with @user_data when @func is not called any more, on whichever thread
 *
 * Has @func told what happens: what a load did, or why it was refused, whoever asked for it; holds that were
 * ended; endpoints that were ejected, or are back. In the order in which it happened; of what comes faster than @func returns the last 64 are kept.
 *
 * Threads: any. A call of the previous function may be under way, which its destroy function waits for, and
 *   this does not.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_registry_set_notify (TlcRegistry *registry, TlcNotifyFunc func, gpointer user_data,
                              GDestroyNotify destroy);

/**
 * tlc_registry_get_service:
 * @registry: a registry
 * @name: the name of a group in the file
 * @client_type: the generated client's type, such as `TYPE_ECHO_CLIENT`
 * @error: return location for an error
 *
 * The service of that name. Whoever asks first binds it to @client_type, for as long as the registry lives.
 *
 * |[<!-- language="C" -->
 * TlcService *service = tlc_registry_get_service (registry, "echo", TYPE_ECHO_CLIENT, &error);
 * EchoIf *echo = service != NULL ? tlc_service_get_client (service, &error) : NULL;
 * ]|
 *
 * Cheap enough to be asked for before every call; and the service may be kept, over reloads too.
 * tlc_service_reconfigure() on it holds until the next load; tlc_service_close() is for ever.
 *
 * Threads: any; no lock is taken, but the first time.
 *
 * Errors: %TLC_ERROR_CONFIG for a name that no file had, with those that are like it, for a type that is not
 *   the one it is bound to, or none of a generated client; %TLC_ERROR_CLOSED for a name that is gone from the
 *   file, until it comes back.
 *
 * Returns: (transfer none): the service, which lives as long as @registry, or %NULL
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcService *tlc_registry_get_service (TlcRegistry *registry, const char *name, GType client_type,
                                      GError **error);

/**
 * tlc_registry_get_generation:
 * @registry: a registry
 *
 * Threads: any.
 *
 * Returns: how many changes took effect: 0 before the first load, one more after each load and
 *   rollback that returned %TRUE, or was done by the watch, and each change of one of its services. (Of two
 *   loads at a time the earlier may have been overtaken; then it counts for nothing.)
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
guint64 tlc_registry_get_generation (TlcRegistry *registry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcRegistry, tlc_registry_unref)

G_END_DECLS
