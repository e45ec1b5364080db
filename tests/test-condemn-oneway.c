/* SPDX-License-Identifier: Apache-2.0 */

/* A oneway whose thread loses the processor between the send and the end of the call: however late it is,
 * nobody takes its connection from it. Laws 4 and 6. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/tlc-holder.h"

#define TIMEOUT_MS 500

static atomic_uint slow_us;

/* In place of libc's, for the library too. */
ssize_t
send (int fd, const void *data, size_t length, int flags)
{
  ssize_t n = syscall (SYS_sendto, fd, data, length, flags, NULL, 0);

  g_usleep (atomic_exchange (&slow_us, 0));
  return n;
}

static void *
stand_by (void *data)
{
  pthread_barrier_wait (data);
  return NULL;
}

/* The call after it goes over the same connection; so does one within a hold. */
START_TEST (test_condemn_oneway)
{
  g_autoptr (TlcServer) server = tlc_holder_server ("A");
  TlcService *service
      = tlc_echo_service (tlc_server_get_endpoint (server), "retry", "never", "check-after-idle",
                          "1h", "call-timeout", G_STRINGIFY (TIMEOUT_MS) "ms", NULL);
  EchoIf *echo = tlc_echo_client (service);
  pthread_barrier_t leave;
  pthread_t thread;

  pthread_barrier_init (&leave, NULL, 2);
  ck_assert_int_eq (pthread_create (&thread, NULL, stand_by, &leave), 0); /* and so a keeper */
  tlc_holder_must_meet (service, "A#1");
  if (_i == 1)
    tlc_holder_hold (service);
  atomic_store (&slow_us, 2 * TIMEOUT_MS * 1000);
  ck_assert (echo_if_note (echo, "note", NULL));
  tlc_holder_must_meet (service, "A#1");
  if (_i == 1)
    tlc_holder_release (service);
  pthread_barrier_wait (&leave);
  pthread_join (thread, NULL);
  pthread_barrier_destroy (&leave);
  tlc_thread_detach ();
  tlc_service_unref (service);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("condemn-oneway");
  TCase *tests = tcase_create ("condemn-oneway");

  tcase_add_loop_test (tests, test_condemn_oneway, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
