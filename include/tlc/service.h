/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib-object.h>

#include <tlc/config.h>
#include <tlc/stats.h>
#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * TlcService:
 *
 * A named remote Thrift service, shared by all threads of the program.
 */
typedef struct _TlcService TlcService;

/**
 * tlc_service_new:
 * @name: the service's name, for messages and statistics: up to 255 bytes of printable ASCII
 *   without spaces
 * @client_type: the generated client's type, such as `TYPE_ECHO_CLIENT`
 * @config: its settings; copied. "endpoints" has no default
 * @error: return location for an error
 *
 * Makes a service. No connection is opened before the first call. Host names among the endpoints
 * are resolved here, which may block, for at most 10 s; addresses do not block.
 *
 * Threads: any.
 *
 * Errors: %TLC_ERROR_CONFIG for a missing or unusable setting, name or type;
 *   %TLC_ERROR_UNAVAILABLE for a host name that has no address; %TLC_ERROR_EXHAUSTED when the thread
 *   that resolves names cannot be started.
 *
 * Returns: (transfer full): a service, or %NULL; release with tlc_service_unref()
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcService *tlc_service_new (const char *name, GType client_type, const TlcConfig *config,
                             GError **error);

/**
 * tlc_service_ref:
 * @service: a service
 *
 * Threads: any that may use @service.
 *
 * Returns: (transfer full): @service
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcService *tlc_service_ref (TlcService *service);

/**
 * tlc_service_unref:
 * @service: (nullable) (transfer full): a service
 *
 * Releases a reference. With the last one the service closes, as by tlc_service_close(). Clients of
 * @service must not be used any more, in any thread.
 *
 * Threads: any that may use @service.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_service_unref (TlcService *service);

/**
 * tlc_service_close:
 * @service: a service
 *
 * Ends the service. Calls that begin after this, and those that wait for a connection, fail with
 * %TLC_ERROR_CLOSED. Calls in flight go on, for `close-timeout` at most; then they are cut, and fail with
 * %TLC_ERROR_CLOSED, too. When this returns nothing is open, whether threads sleep or not, or
 * have gone elsewhere with a reply outstanding. What the calling thread itself has not fetched it gives up.
 *
 * What was held is closed. Closing again changes nothing. References stay valid, and have to be released.
 *
 * Threads: any, also from a destructor of thread-local storage; any number at once, each of which waits
 *   until nothing is open.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_service_close (TlcService *service);

/**
 * tlc_service_get_client:
 * @service: (nullable): a service; where tlc_registry_get_service() had none, @error stays as it set it
 * @error: return location for an error
 *
 * The calling thread's own client of @service, made on the first call. Generated functions are
 * called on it:
 *
 * |[<!-- language="C" -->
 * EchoIf *echo = tlc_service_get_client (service, &error);
 * if (echo == NULL || !echo_if_add (echo, &sum, 1, 2, &error))
 *   return report (error);
 * ]|
 *
 * Cheap enough to be asked for before every call. The client is freed when the thread exits, or
 * calls tlc_thread_detach().
 *
 * Threads: any; the client belongs to the thread that asked, and must not be used in another.
 *   Generated functions are cancellation points while they send, receive, wait for a connection that others
 *   use or pause before a retry, and only then; of the functions here none is.
 *
 * Errors: %TLC_ERROR_EXHAUSTED when a thread that exits asks again and again from its destructors.
 *
 * Returns: (transfer none) (type GObject): the client, or %NULL
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gpointer tlc_service_get_client (TlcService *service, GError **error);

/**
 * tlc_service_reconfigure:
 * @service: a service
 * @config: its new settings, all of them; copied
 * @error: return location for an error
 *
 * Puts @config in force while calls go on, or changes nothing. Calls that begin after it returned go
 * by the new settings, and never to an endpoint that @config lacks; calls in flight finish where
 * they began. No call fails by it. Connections to endpoints that stay are kept; those to endpoints
 * that are gone are closed before this returns where no call uses them, and else at the end of their
 * call: tlc_service_drain() waits for that.
 *
 * Host names are resolved again, for at most 10 s; one that has no answer now keeps the addresses
 * it had. Settings that cannot change while a service runs (docs/settings.md) must be as they are.
 *
 * The first time a thread is started, `tlc-keeper`, and another, `tlc-resolver`, where there are
 * host names; they block all signals and end with the last service of the process.
 *
 * Threads: any; concurrent changes take effect one after the other. Not inside an RCU read section
 *   of liburcu-bp.
 *
 * Errors: %TLC_ERROR_CONFIG for a missing or unusable setting, or one that cannot change;
 *   %TLC_ERROR_UNAVAILABLE for a host name that has no address; %TLC_ERROR_EXHAUSTED when no thread
 *   can be started, or when changes come faster than threads of the host program leave their RCU
 *   read sections, for 10 s; %TLC_ERROR_BUSY inside such a section.
 *
 * Returns: whether @config is in force
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_service_reconfigure (TlcService *service, const TlcConfig *config, GError **error);

/**
 * tlc_service_wait_ready:
 * @service: a service
 * @timeout_ms: how long to wait, in milliseconds; 0 tries once, for a moment
 * @error: return location for an error
 *
 * Waits until a connection is open, for programs that start: tries to connect to the endpoints, all of
 * them, and again after a pause. Nothing is sent. The connection stays for this thread's first call, or
 * that of another, for `idle-timeout`.
 *
 * Threads: any.
 *
 * Errors: %TLC_ERROR_TIMED_OUT, which says why the last try failed; %TLC_ERROR_CLOSED.
 *
 * Returns: whether a connection is open
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_service_wait_ready (TlcService *service, guint timeout_ms, GError **error);

/**
 * tlc_service_drain:
 * @service: a service
 * @timeout_ms: how long to wait, in milliseconds; 0 looks and does not wait
 * @error: return location for an error
 *
 * Waits until no call and no open connection is left on an endpoint that the configuration in force
 * does not contain: after that a server that was taken out can be stopped. What no call uses is closed
 * here, also where its thread sleeps; calls in flight are waited for, each of which ends by its
 * `call-timeout`. (A request whose reply nobody fetches is in flight until its thread's next call, or
 * exit.)
 *
 * Threads: any, any number at once; calls and changes go on meanwhile. Not from a thread that has
 *   sent a request on the old configuration and not fetched its reply, or that holds a connection, nor
 *   inside an RCU read section of liburcu-bp.
 *
 * Errors: %TLC_ERROR_TIMED_OUT, which says how many calls are left, and of the oldest the thread,
 *   its age and its endpoint; %TLC_ERROR_BUSY where the thread would wait for itself.
 *
 * Returns: whether nothing is left
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_service_drain (TlcService *service, guint timeout_ms, GError **error);

/**
 * tlc_service_get_generation:
 * @service: a service
 *
 * Threads: any.
 *
 * Returns: the number of the configuration in force: 1 for the first one, one more after each
 *   tlc_service_reconfigure() that returned %TRUE
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
guint64 tlc_service_get_generation (TlcService *service);

/**
 * tlc_service_get_name:
 * @service: a service
 *
 * Threads: any.
 *
 * Returns: (transfer none): the name it was made with; lives as long as @service
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
const char *tlc_service_get_name (TlcService *service);

/**
 * tlc_service_get_stats:
 * @service: a service
 * @ret_stats: (out caller-allocates): filled with what happened so far
 *
 * Takes time in proportion to the number of threads that have a client; calls go on meanwhile.
 *
 * Threads: any.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_service_get_stats (TlcService *service, TlcStats *ret_stats);

/**
 * tlc_service_get_endpoint_stats:
 * @service: a service
 * @ret_n_endpoints: (out): how many there are; none, when it is closed
 *
 * The endpoints of the configuration in force, in its order, each address once.
 *
 * Threads: any. Looks at each connection of the service: for monitoring, not for each call.
 *
 * Returns: (transfer full) (array length=ret_n_endpoints): what is known of them; one block, with the
 *   addresses: release with g_free()
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcEndpointStats *tlc_service_get_endpoint_stats (TlcService *service, guint *ret_n_endpoints);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcService, tlc_service_unref)

G_END_DECLS
