/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between a program and malloc(): see tlc-shim-malloc.h. In front of glibc's own functions
 * under their second names, so that nothing needs to be looked up. GLib's slices are seen only with
 * G_SLICE=always-malloc. */

#include "support/tlc-shim-malloc.h"

#include "support/tlc-check.h"

#ifdef TLC_TEST_SANITIZER

int
tlc_shim_malloc_is_there (void)
{
  return 0;
}

void
tlc_shim_malloc_set (long nth, size_t least, int is_lasting)
{
}

long
tlc_shim_malloc_count (void)
{
  return 0;
}

long
tlc_shim_malloc_live (void)
{
  return 0;
}

#else

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *memory, size_t size);
void *__libc_memalign (size_t alignment, size_t size);
void __libc_free (void *memory);

static atomic_long tlc_shim_malloc_blocks; /* any thread, relaxed */

/* the thread's own */
static __thread struct {
  long nth, count;
  size_t least;
  int is_lasting;
} tlc_shim_malloc_rule;

int
tlc_shim_malloc_is_there (void)
{
  return 1;
}

void
tlc_shim_malloc_set (long nth, size_t least, int is_lasting)
{
  tlc_shim_malloc_rule.nth = nth;
  tlc_shim_malloc_rule.count = 0;
  tlc_shim_malloc_rule.least = least;
  tlc_shim_malloc_rule.is_lasting = is_lasting;
}

long
tlc_shim_malloc_count (void)
{
  return tlc_shim_malloc_rule.count;
}

long
tlc_shim_malloc_live (void)
{
  return atomic_load_explicit (&tlc_shim_malloc_blocks, memory_order_relaxed);
}

/* Counts an allocation. Whether it shall fail, for which errno is set. */
static int
tlc_shim_malloc_fails (size_t size)
{
  long nth = tlc_shim_malloc_rule.nth, count;

  if (size < tlc_shim_malloc_rule.least)
    return 0;
  count = ++tlc_shim_malloc_rule.count;
  if (nth == 0 || count < nth || (count > nth && !tlc_shim_malloc_rule.is_lasting))
    return 0;
  errno = ENOMEM;
  return 1;
}

/* A block that was given out. */
static void *
tlc_shim_malloc_note (void *memory)
{
  if (memory != NULL)
    atomic_fetch_add_explicit (&tlc_shim_malloc_blocks, 1, memory_order_relaxed);
  return memory;
}

void *
malloc (size_t size)
{
  return tlc_shim_malloc_fails (size) ? NULL : tlc_shim_malloc_note (__libc_malloc (size));
}

void *
calloc (size_t count, size_t size)
{
  size_t whole;

  if (__builtin_mul_overflow (count, size, &whole) || tlc_shim_malloc_fails (whole))
    {
      errno = ENOMEM;
      return NULL;
    }
  return tlc_shim_malloc_note (__libc_calloc (count, size));
}

void *
realloc (void *memory, size_t size)
{
  if (memory == NULL)
    return malloc (size);
  if (size == 0)
    {
      free (memory);
      return NULL;
    }
  return tlc_shim_malloc_fails (size) ? NULL : __libc_realloc (memory, size);
}

void *
memalign (size_t alignment, size_t size)
{
  if (tlc_shim_malloc_fails (size))
    return NULL;
  return tlc_shim_malloc_note (__libc_memalign (alignment, size));
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  return memalign (alignment, size);
}

int
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

void
free (void *memory)
{
  if (memory == NULL)
    return;
  atomic_fetch_sub_explicit (&tlc_shim_malloc_blocks, 1, memory_order_relaxed);
  __libc_free (memory);
}

#endif
