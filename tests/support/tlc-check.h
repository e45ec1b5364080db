/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What each test program needs of libcheck: TAP on standard output, a status for the caller. */
#include <check.h>
#include <stdlib.h>

/* Which sanitizer a test is built with: gcc defines the first names, clang knows the features. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TLC_TEST_THREAD_SANITIZER 1
#endif
#if __has_feature(address_sanitizer)
#define TLC_TEST_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define TLC_TEST_THREAD_SANITIZER 1
#endif
#ifdef __SANITIZE_ADDRESS__
#define TLC_TEST_ADDRESS_SANITIZER 1
#endif
#if defined(TLC_TEST_THREAD_SANITIZER) || defined(TLC_TEST_ADDRESS_SANITIZER)
#define TLC_TEST_SANITIZER 1
#endif

static inline int
tlc_check_run (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  int failed;

  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
