/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of --tally: what a server counts of its connections, for whoever started it to read while
 * it runs (tests/support/tlc-tally.h). The same file for C and C++, hence the builtins: the atomic
 * types of the two are not the same.
 */
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct
{
  /* any of the server's threads adds; others read the file */
  uint64_t accepted;
  uint64_t open; /* from the moment of acceptance until the peer was seen to have closed */
  uint64_t most; /* that were open at once */
} EchoTally;

/* NULL with errno where there is no such file. Stays for as long as the process. */
static inline EchoTally *
echo_tally_map (const char *path)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  void *map;

  if (fd < 0)
    return NULL;
  map = ftruncate (fd, sizeof (EchoTally)) == 0
            ? mmap (NULL, sizeof (EchoTally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
            : MAP_FAILED;
  close (fd);
  return map != MAP_FAILED ? (EchoTally *) map : NULL;
}

/* @tally may be NULL: nobody asked. Relaxed: these are counts, and who reads them has had an answer
 * over the connection. */
static inline void
echo_tally_enter (EchoTally *tally)
{
  uint64_t open, most;

  if (tally == NULL)
    return;
  __atomic_fetch_add (&tally->accepted, 1, __ATOMIC_RELAXED);
  open = __atomic_add_fetch (&tally->open, 1, __ATOMIC_RELAXED);
  most = __atomic_load_n (&tally->most, __ATOMIC_RELAXED);
  while (most < open
         && !__atomic_compare_exchange_n (&tally->most, &most, open, 1, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED))
    continue;
}

static inline void
echo_tally_leave (EchoTally *tally)
{
  if (tally != NULL)
    __atomic_fetch_sub (&tally->open, 1, __ATOMIC_RELAXED);
}
