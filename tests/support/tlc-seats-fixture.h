/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Seats without a service, for tests of the room: one endpoint that nobody listens at, connections
 * that are one end of a socket pair. */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connect/tlc-balance.h"
#include "support/tlc-room.h"

typedef struct {
  TlcBranch *branch;
  TlcSeats *seats;
  TlcSnapshot *held; /* the first */
  TlcEjector ejector;
  TlcBalance balance;
} Fixture;

static inline void
fixture_wake (TlcEjector *ejector)
{
}

/* By @settings, taken over. */
static inline void
fixture_init_by (Fixture *fixture, TlcSettings *settings)
{
  fixture->branch = tlc_room_branch (settings);
  fixture->seats = g_aligned_alloc0 (1, sizeof (TlcSeats), TLC_CACHE_LINE);
  fixture->held = tlc_branch_read (fixture->branch);
  tlc_seats_init (fixture->seats, fixture->branch, fixture->held);
  tlc_ejector_init (&fixture->ejector, fixture->seats, "fixture", fixture_wake);
  tlc_balance_init (&fixture->balance, fixture->seats, &fixture->ejector, 1);
}

static inline void
fixture_init (Fixture *fixture)
{
  fixture_init_by (fixture, tlc_room_settings ("unix:@nobody-listens-here", NULL));
}

static inline void
fixture_close (Fixture *fixture)
{
  tlc_root_lock ();
  tlc_seats_publish_unlocked (fixture->seats,
                              tlc_snapshot_new_closed (tlc_branch_peek_unlocked (fixture->branch)));
  tlc_root_unlock ();
}

static inline void
fixture_clear (Fixture *fixture)
{
  tlc_snapshot_unref (fixture->held);
  tlc_seats_clear (fixture->seats);
  g_aligned_free (fixture->seats);
  tlc_branch_drop (fixture->branch);
}

/* A connection whose other end is *@ret_peer. */
static inline TlcConnection *
fixture_connection (Fixture *fixture, int *ret_peer)
{
  TlcConnection *connection;
  int fds[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  connection
      = tlc_connection_new (fds[0], fixture->held->endpoints->pdata[0], fixture->held->settings);
  ck_assert_ptr_nonnull (connection);
  *ret_peer = fds[1];
  return connection;
}

static inline gboolean
peer_is_closed (int peer)
{
  char byte;

  return recv (peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static inline TlcSeatState
state_of (const TlcHome *home)
{
  return TLC_SEAT_STATE (atomic_load_explicit (&home->seat->word, memory_order_relaxed));
}

static inline void
fixture_change (Fixture *fixture, TlcSettings *settings)
{
  tlc_root_lock ();
  tlc_seats_publish_unlocked (fixture->seats, tlc_room_next_unlocked (fixture->branch, settings));
  tlc_root_unlock ();
}

/* As a call does: the home, or any other seat. */
static inline gboolean
seats_claim (TlcSeats *seats, TlcHome *home)
{
  TlcClaim claim;

  if (tlc_seat_claim_home (home))
    return TRUE;
  claim = tlc_seats_claim_any (seats, home);
  return claim != TLC_CLAIM_NONE && claim != TLC_CLAIM_FAILED;
}

/* A home with a connection to the first endpoint, left FREE. */
static inline void
fixture_settle (Fixture *fixture, TlcHome *home, int *ret_peer)
{
  ck_assert (seats_claim (fixture->seats, home));
  tlc_seats_refresh (fixture->seats, home->seat);
  tlc_seat_put_connection (home->seat, fixture_connection (fixture, ret_peer));
  tlc_seats_release (fixture->seats, home);
}
