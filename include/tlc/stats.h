/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib.h>

G_BEGIN_DECLS

/**
 * TlcStats:
 * @calls: requests that were complete and about to be sent, oneway ones included
 * @failures: calls that ended in an error of %TLC_ERROR, those whose request was refused included;
 *   exceptions from the server are answers
 * @timeouts: failures by %TLC_ERROR_TIMED_OUT
 * @retries: requests that were sent again
 * @connects: connections established
 * @connect_failures: attempts on one endpoint that failed
 * @connections_open: connections open now, or being opened
 * @connections_busy: connections claimed by a call now
 * @waiting: calls waiting for a connection now
 * @reclaimed_idle: connections closed because nobody used them
 * @reclaimed_retired: connections closed because their endpoint was removed, or the service closed
 * @adopted: connections taken over from a thread that exited
 * @stolen: connections taken over from a living thread, under a cap
 * @desyncs_caught: replies that belonged to another call, bytes that belonged to none: discarded
 * @threads: threads that have a client now
 * @generation: see tlc_service_get_generation()
 * @bytes_sent: request bytes, framing included
 * @bytes_received: reply bytes, framing included
 * @latency_p50_us: half of the answered calls took at most so many microseconds
 * @latency_p90_us: 90 % did
 * @latency_p99_us: 99 % did
 * @latency_p999_us: 99.9 % did
 * @latency_max_us: the slowest answered call
 *
 * What a service did since it was made, summed over threads, those that exited included. Counters
 * only grow; they are read one after the other while calls go on, so sums may be off by the calls
 * in flight.
 */
typedef struct {
  guint64 calls;
  guint64 failures;
  guint64 timeouts;
  guint64 retries;
  guint64 connects;
  guint64 connect_failures;
  guint64 connections_open;
  guint64 connections_busy;
  guint64 waiting;
  guint64 reclaimed_idle;
  guint64 reclaimed_retired;
  guint64 adopted;
  guint64 stolen;
  guint64 desyncs_caught;
  guint64 threads;
  guint64 generation;
  guint64 bytes_sent;
  guint64 bytes_received;
  guint64 latency_p50_us;
  guint64 latency_p90_us;
  guint64 latency_p99_us;
  guint64 latency_p999_us;
  guint64 latency_max_us;
  /*< private >*/
  guint64 reserved[16];
} TlcStats;

/**
 * TlcEndpointState:
 * @TLC_ENDPOINT_UP: it takes calls
 * @TLC_ENDPOINT_EJECTED: it failed `eject-after` times in a row, and takes none for a while
 * @TLC_ENDPOINT_TRIAL: that is over; the next call that needs a connection tries it, alone
 */
typedef enum {
  TLC_ENDPOINT_UP,
  TLC_ENDPOINT_EJECTED,
  TLC_ENDPOINT_TRIAL
} TlcEndpointState;

/**
 * TlcEndpointStats:
 * @address: where it is
 * @state: whether it takes calls
 * @weight: its share, beside those of others
 * @failures_in_a_row: since the last call that was answered
 * @calls: that were answered; each thread tells of its own a few times a second, while it calls
 * @connections: open to it now
 * @in_flight: of these, in a call now
 * @failures: connections that did not come up or were lost, and calls that timed out
 * @ejections: how often it was ejected, or again after a trial
 * @latency_us: how many microseconds calls take lately, on average; 0: not known
 * @ejected_until_us: when the ejection is over, unless a probe ends it, by g_get_monotonic_time(); 0: it is
 *   not ejected
 *
 * One endpoint of a service, since the service first knew its address.
 */
typedef struct {
  const char *address;
  TlcEndpointState state;
  guint weight;
  guint failures_in_a_row;
  guint64 calls;
  guint64 connections;
  guint64 in_flight;
  guint64 failures;
  guint64 ejections;
  guint64 latency_us;
  gint64 ejected_until_us;
  /*< private >*/
  guint64 reserved[8];
} TlcEndpointStats;

G_END_DECLS
