/* SPDX-License-Identifier: Apache-2.0 */

/* Following a file whose names take long to resolve: the keeper waits for nobody, and what has changed since is
 * not kept waiting. The system's resolver is this program's. */
#include "control/tlc-follow.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

#include <glib/gstdio.h>

#include "control/tlc-load.h"
#include "model/tlc-clock.h"
#include "support/tlc-check.h"

/* --- the system's resolver: slow.test is not answered before it is let --- */

static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t system_changed = PTHREAD_COND_INITIALIZER;
/* under the lock: */
static guint n_asked;
static gboolean is_let;

int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
             struct addrinfo **ret_infos)
{
  struct addrinfo *info = g_malloc0 (sizeof *info + sizeof (struct sockaddr_in));
  struct sockaddr_in *in4 = (struct sockaddr_in *) (info + 1);

  pthread_mutex_lock (&system_lock);
  n_asked++;
  pthread_cond_broadcast (&system_changed);
  while (!is_let)
    pthread_cond_wait (&system_changed, &system_lock);
  pthread_mutex_unlock (&system_lock);
  in4->sin_family = AF_INET;
  in4->sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  info->ai_family = AF_INET;
  info->ai_addr = (struct sockaddr *) in4;
  info->ai_addrlen = sizeof *in4;
  *ret_infos = info;
  return 0;
}

void
freeaddrinfo (struct addrinfo *infos)
{
  g_free (infos);
}

static void
await_question (void)
{
  pthread_mutex_lock (&system_lock);
  while (n_asked == 0)
    pthread_cond_wait (&system_changed, &system_lock);
  pthread_mutex_unlock (&system_lock);
}

static void
let_it_answer (void)
{
  pthread_mutex_lock (&system_lock);
  is_let = TRUE;
  pthread_cond_broadcast (&system_changed);
  pthread_mutex_unlock (&system_lock);
}

/* --- a file that is followed --- */

typedef struct {
  TlcCatalog *catalog;
  char *directory, *path, *aside;
} Fixture;

static void
replace_by (Fixture *fixture, const char *endpoint)
{
  g_autofree char *text = g_strdup_printf ("[a]\nendpoints = %s\n", endpoint);

  ck_assert (g_file_set_contents (fixture->aside, text, -1, NULL));
  ck_assert_int_eq (g_rename (fixture->aside, fixture->path), 0);
}

static void
fixture_init (Fixture *fixture)
{
  tlc_worker_hold ();
  fixture->catalog = tlc_catalog_new ();
  fixture->directory = g_dir_make_tmp ("tlc-follow-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "services.conf", NULL);
  fixture->aside = g_build_filename (fixture->directory, "services.conf~", NULL);
  replace_by (fixture, "unix:@first");
  ck_assert (tlc_load_path (fixture->catalog, fixture->path, NULL));
  ck_assert (tlc_follow_start (fixture->catalog, NULL));
}

static void
fixture_clear (Fixture *fixture)
{
  tlc_catalog_end (fixture->catalog);
  tlc_catalog_unref (fixture->catalog);
  tlc_service_let_workers_go ();
  ck_assert_int_eq (g_unlink (fixture->path), 0);
  ck_assert_int_eq (g_rmdir (fixture->directory), 0);
  g_free (fixture->aside);
  g_free (fixture->path);
  g_free (fixture->directory);
}

static void
await_generation (Fixture *fixture, guint64 generation)
{
  while (tlc_root_get_generation (fixture->catalog->root) != generation)
    g_usleep (200);
}

static void
must_lead_to (Fixture *fixture, const char *text)
{
  TlcMember *member = tlc_directory_find (&fixture->catalog->directory, "a");
  g_autoptr (TlcSnapshot) current = tlc_branch_read (member->branch);

  ck_assert_str_eq (tlc_endpoint_get_text (current->endpoints->pdata[0]), text);
}

/* Law 9: while a name is asked for nothing waits on the keeper, and what was in force is. */
START_TEST (test_follow_waits_for_nobody)
{
  Fixture fixture;

  fixture_init (&fixture);
  replace_by (&fixture, "tcp://slow.test:4711");
  await_question ();
  ck_assert_uint_eq (tlc_root_get_generation (fixture.catalog->root), 1);
  /* It is there for others: what comes by the watch is in force at once. */
  replace_by (&fixture, "unix:@second");
  await_generation (&fixture, 2);
  must_lead_to (&fixture, "unix:@second");
  let_it_answer ();
  /* What is answered now has been overtaken. */
  replace_by (&fixture, "unix:@third");
  await_generation (&fixture, 3);
  must_lead_to (&fixture, "unix:@third");
  fixture_clear (&fixture);
}
END_TEST

/* When it is answered the file is in force. */
START_TEST (test_follow_names)
{
  Fixture fixture;

  fixture_init (&fixture);
  replace_by (&fixture, "tcp://slow.test:4711");
  await_question ();
  let_it_answer ();
  await_generation (&fixture, 2);
  must_lead_to (&fixture, "tcp://127.0.0.1:4711 (slow.test)");
  fixture_clear (&fixture);
}
END_TEST

/* Law 7: it is not followed any more while a name is asked for. */
START_TEST (test_follow_ends_while_it_asks)
{
  Fixture fixture;

  fixture_init (&fixture);
  replace_by (&fixture, "tcp://slow.test:4711");
  await_question ();
  tlc_follow_stop (fixture.catalog);
  let_it_answer ();
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("follow");
  TCase *tests = tcase_create ("follow");

  tcase_add_test (tests, test_follow_waits_for_nobody);
  tcase_add_test (tests, test_follow_names);
  tcase_add_test (tests, test_follow_ends_while_it_asks);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
