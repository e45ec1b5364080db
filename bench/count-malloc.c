/* SPDX-License-Identifier: Apache-2.0 */

/* To be preloaded: counts allocations of the process, of all threads, by standing before glibc's
 * own functions under their second names, so that nothing needs to be looked up. Memory from mmap()
 * is not seen, nor are GLib's slices unless G_SLICE=always-malloc. */

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#define COUNT_MALLOC_EXPORT __attribute__ ((visibility ("default")))

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *memory, size_t size);
void *__libc_memalign (size_t alignment, size_t size);

unsigned long count_malloc_read (void);

static atomic_ulong count_malloc_count; /* any thread adds; count_malloc_read() reads, relaxed */

static void
count_malloc_add (void)
{
  atomic_fetch_add_explicit (&count_malloc_count, 1, memory_order_relaxed);
}

COUNT_MALLOC_EXPORT unsigned long
count_malloc_read (void)
{
  return atomic_load_explicit (&count_malloc_count, memory_order_relaxed);
}

COUNT_MALLOC_EXPORT void *
malloc (size_t size)
{
  count_malloc_add ();
  return __libc_malloc (size);
}

COUNT_MALLOC_EXPORT void *
calloc (size_t count, size_t size)
{
  count_malloc_add ();
  return __libc_calloc (count, size);
}

COUNT_MALLOC_EXPORT void *
realloc (void *memory, size_t size)
{
  count_malloc_add ();
  return __libc_realloc (memory, size);
}

COUNT_MALLOC_EXPORT void *
memalign (size_t alignment, size_t size)
{
  count_malloc_add ();
  return __libc_memalign (alignment, size);
}

COUNT_MALLOC_EXPORT void *
aligned_alloc (size_t alignment, size_t size)
{
  return memalign (alignment, size);
}

COUNT_MALLOC_EXPORT int
posix_memalign (void **ret_memory, size_t alignment, size_t size)
{
  void *memory;

  if (alignment % sizeof (void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
    return EINVAL;
  memory = memalign (alignment, size);
  if (memory == NULL)
    return ENOMEM;
  *ret_memory = memory;
  return 0;
}
