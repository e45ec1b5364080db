/* SPDX-License-Identifier: Apache-2.0 */

/* Names without a lock: who looks while others are added finds what was there before he began, and nothing
 * that is half there. Laws 1, 9. */
#include "control/tlc-directory.h"

#include <pthread.h>

#include "support/tlc-check.h"

#define N_NAMES 5000
#define N_READERS 3

static TlcDirectory directory;
static atomic_uint n_added;
static char *names[N_NAMES];

static void
fill_names (void)
{
  for (guint i = 0; i < N_NAMES; i++)
    names[i] = g_strdup_printf ("service-%u", i);
}

/* As the root's lock does. */
static void
add (guint i)
{
  TlcMember *member = tlc_directory_add_unlocked (&directory, names[i], NULL);

  ck_assert_str_eq (member->name, names[i]);
  atomic_store_explicit (&n_added, i + 1, memory_order_release);
}

START_TEST (test_directory_finds)
{
  fill_names ();
  tlc_directory_init (&directory);
  ck_assert_ptr_null (tlc_directory_find (&directory, "service-0"));
  for (guint i = 0; i < N_NAMES; i++)
    add (i);
  for (guint i = 0; i < N_NAMES; i++)
    {
      const TlcMember *member = tlc_directory_find (&directory, names[i]);

      ck_assert_ptr_nonnull (member);
      ck_assert_str_eq (member->name, names[i]);
      ck_assert_ptr_eq (member, directory.members->pdata[i]);
    }
  ck_assert_ptr_null (tlc_directory_find (&directory, ""));
  ck_assert_ptr_null (tlc_directory_find (&directory, "service-5000"));
  tlc_directory_clear (&directory);
}
END_TEST

static void *
look (void *data)
{
  guint32 random = GPOINTER_TO_UINT (data);
  guint n;

  do
    {
      guint i;

      n = atomic_load_explicit (&n_added, memory_order_acquire);
      random = random * 1664525u + 1013904223u;
      i = (random >> 8) % N_NAMES;
      {
        const TlcMember *member = tlc_directory_find (&directory, names[i]);

        if (member == NULL ? i < n : !g_str_equal (member->name, names[i]))
          ck_abort_msg ("%s of %u: %s", names[i], n, member == NULL ? "not found" : member->name);
      }
    }
  while (n < N_NAMES);
  return NULL;
}

START_TEST (test_directory_beside_readers)
{
  pthread_t readers[N_READERS];

  fill_names ();
  tlc_directory_init (&directory);
  for (guint i = 0; i < N_READERS; i++)
    ck_assert_int_eq (pthread_create (&readers[i], NULL, look, GUINT_TO_POINTER (i + 1)), 0);
  for (guint i = 0; i < N_NAMES; i++)
    add (i);
  for (guint i = 0; i < N_READERS; i++)
    pthread_join (readers[i], NULL);
  tlc_directory_clear (&directory);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("directory");
  TCase *tests = tcase_create ("directory");

  tcase_add_test (tests, test_directory_finds);
  tcase_add_test (tests, test_directory_beside_readers);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
