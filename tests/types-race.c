/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that make their first generated objects at the same moment, in a fresh process.
 *
 * Exits with 0 when every object came out right, with 1 or by a signal otherwise (an alarm, for one
 * that hangs). Built twice: with the file that tlc-types writes, and as a control without it. See
 * run-types-race.sh.
 */
#include <glib-object.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "echo.h"
#include "echo_types.h"
#include "identity.h"

#define N_THREADS 8
#define HANG_SECONDS 20

static pthread_barrier_t barrier;

static gboolean
make_struct (GType type)
{
  GObject *object = type == 0 ? NULL : g_object_new (type, NULL);
  gboolean good = object != NULL && G_OBJECT_TYPE (object) == type && THRIFT_IS_STRUCT (object);

  if (object != NULL)
    g_object_unref (object);
  return good;
}

static gboolean
make_client (void)
{
  GObject *client = g_object_new (TYPE_ECHO_CLIENT, NULL);
  gboolean good = client != NULL && IS_ECHO_IF (client) && IS_IDENTITY_IF (client)
                  && ECHO_IF_GET_INTERFACE (client)->add == echo_client_add
                  && IDENTITY_IF_GET_INTERFACE (client)->who == identity_client_who;

  if (client != NULL)
    g_object_unref (client);
  return good;
}

static gboolean
make_all (void)
{
  gboolean good = make_struct (sample_get_type ());

  good = make_client () && good;
  good = make_struct (everything_get_type ()) && good;
  good = make_struct (point_get_type ()) && good;
  good = make_struct (rejected_get_type ()) && good;
  good = make_struct (not_found_get_type ()) && good;
  good = make_struct (echo_add_args_get_type ()) && good;
  good = make_struct (echo_add_result_get_type ()) && good;
  return good;
}

static void *
run_thread (G_GNUC_UNUSED void *data)
{
  pthread_barrier_wait (&barrier);
  return GINT_TO_POINTER (make_all ());
}

int
main (void)
{
  pthread_t threads[N_THREADS];
  gboolean good = TRUE;

  alarm (HANG_SECONDS);
  pthread_barrier_init (&barrier, NULL, N_THREADS);
  for (guint i = 0; i < N_THREADS; i++)
    {
      if (pthread_create (&threads[i], NULL, run_thread, NULL) != 0)
        return EXIT_FAILURE;
    }
  for (guint i = 0; i < N_THREADS; i++)
    {
      void *result;

      pthread_join (threads[i], &result);
      good = GPOINTER_TO_INT (result) && good;
    }

  /* what a race broke stays broken */
  good = make_all () && good;
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
