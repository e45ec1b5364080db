/* SPDX-License-Identifier: Apache-2.0 */

/* A plugin that calls by TLC: dlclose() of it while threads that called live, which exit afterwards as if
 * it were there still; and fork(), by a program that had handlers before. Laws 5 and 7.
 *
 * The program is not linked with TLC, nor with generated code. */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <urcu/urcu-bp.h>

#include "plugin/tlc-plugin.h"
#include "support/tlc-check.h"
#include "support/tlc-server.h"

#define N_THREADS 4
#define N_TIMES 100

typedef struct {
  void *handle;
  TlcPluginOpen open;
  TlcPluginCall call;
  TlcPluginClose close;
} Plugin;

static Plugin
load (void)
{
  Plugin plugin = { .handle = dlopen (TLC_PLUGIN, RTLD_NOW | RTLD_LOCAL) };

  ck_assert_msg (plugin.handle != NULL, "%s", dlerror ());
  plugin.open = (TlcPluginOpen) dlsym (plugin.handle, "tlc_plugin_open");
  plugin.call = (TlcPluginCall) dlsym (plugin.handle, "tlc_plugin_call");
  plugin.close = (TlcPluginClose) dlsym (plugin.handle, "tlc_plugin_close");
  ck_assert (plugin.open != NULL && plugin.call != NULL && plugin.close != NULL);
  return plugin;
}

static TlcServer *
start_server (void)
{
  g_autoptr (GError) error = NULL;
  TlcServer *server = tlc_server_start (TLC_SERVER_C, NULL, &error);

  ck_assert_msg (server != NULL, "%s", error != NULL ? error->message : "");
  return server;
}

typedef struct {
  Plugin plugin;
  pthread_barrier_t called, leave;
} Visit;

static void *
call_and_wait (void *data)
{
  Visit *visit = data;

  ck_assert_int_eq (visit->plugin.call (), 0);
  pthread_barrier_wait (&visit->called);
  pthread_barrier_wait (&visit->leave);
  return NULL;
}

/* Law 7: threads that called exit after the plugin was closed, whether its service was released or not. */
START_TEST (test_dlclose_row_44_before_threads_exit)
{
  g_autoptr (TlcServer) server = start_server ();
  Visit visit = { .plugin = load () };
  pthread_t threads[N_THREADS];

  pthread_barrier_init (&visit.called, NULL, N_THREADS + 1);
  pthread_barrier_init (&visit.leave, NULL, N_THREADS + 1);
  ck_assert_int_eq (visit.plugin.open (tlc_server_get_endpoint (server)), 0);
  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, call_and_wait, &visit), 0);
  pthread_barrier_wait (&visit.called);
  if (_i == 0)
    visit.plugin.close ();
  ck_assert_int_eq (dlclose (visit.plugin.handle), 0);
  pthread_barrier_wait (&visit.leave);
  for (guint i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (pthread_join (threads[i], NULL), 0);
  pthread_barrier_destroy (&visit.called);
  pthread_barrier_destroy (&visit.leave);
}
END_TEST

/* Law 7: a plugin is loaded and closed again and again, each time with a call by the same thread. */
START_TEST (test_dlclose_row_44_again_and_again)
{
  g_autoptr (TlcServer) server = start_server ();

  for (guint i = 0; i < N_TIMES; i++)
    {
      Plugin plugin = load ();

      ck_assert_int_eq (plugin.open (tlc_server_get_endpoint (server)), 0);
      ck_assert_int_eq (plugin.call (), 0);
      plugin.close ();
      ck_assert_int_eq (dlclose (plugin.handle), 0);
    }
}
END_TEST

/* Sanitizers: see test-fork.c. */
#ifndef TLC_TEST_SANITIZER
/* Where it, or fork(), does not end libcheck's watchdog sees to it. */
static int
call_in_a_child (const Plugin *plugin)
{
  pid_t child = fork ();
  int status = -1;

  if (child == 0)
    _exit (plugin->call ());
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  return status;
}

/* Law 5: a program that prepares liburcu for fork(), and says so when it has loaded the plugin, forks and
 * goes on, and so do its children. */
START_TEST (test_dlclose_row_32_loaded_later)
{
  g_autoptr (TlcServer) server = start_server ();
  void (*set_preparer) (int preparer);
  Plugin plugin;

  ck_assert_int_eq (pthread_atfork (urcu_bp_before_fork, urcu_bp_after_fork_parent, urcu_bp_after_fork_child),
                    0);
  plugin = load ();
  set_preparer = (void (*) (int)) dlsym (plugin.handle, "tlc_fork_set_preparer");
  ck_assert (set_preparer != NULL);
  set_preparer (2); /* TLC_FORK_PREPARER_HOST */
  ck_assert_int_eq (plugin.open (tlc_server_get_endpoint (server)), 0);
  for (guint i = 0; i < N_TIMES; i++)
    {
      ck_assert_int_eq (plugin.call (), 0);
      ck_assert_int_eq (call_in_a_child (&plugin), 0);
    }
  ck_assert_int_eq (plugin.call (), 0);
  plugin.close ();
  ck_assert_int_eq (dlclose (plugin.handle), 0);
}
END_TEST
#endif

int
main (void)
{
  Suite *suite = suite_create ("dlclose");
  TCase *tests = tcase_create ("dlclose");

  tcase_add_loop_test (tests, test_dlclose_row_44_before_threads_exit, 0, 2);
  tcase_add_test (tests, test_dlclose_row_44_again_and_again);
#ifndef TLC_TEST_SANITIZER
  tcase_add_test (tests, test_dlclose_row_32_loaded_later);
#endif
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
