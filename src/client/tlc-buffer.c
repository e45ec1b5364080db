/* SPDX-License-Identifier: Apache-2.0 */

/* A message's bytes. */
#include "client/tlc-buffer.h"

void
tlc_buffer_init (TlcBuffer *buffer, gsize capacity)
{
  buffer->data = g_malloc (capacity);
  buffer->length = 0;
  buffer->capacity = capacity;
}

void
tlc_buffer_clear (TlcBuffer *buffer)
{
  g_clear_pointer (&buffer->data, g_free);
  buffer->length = buffer->capacity = 0;
}

gboolean
tlc_buffer_reserve (TlcBuffer *buffer, gsize capacity)
{
  guint8 *data;

  if (capacity <= buffer->capacity)
    return TRUE;
  data = g_try_realloc (buffer->data, capacity);
  if (data == NULL)
    return FALSE;
  buffer->data = data;
  buffer->capacity = capacity;
  return TRUE;
}

void
tlc_buffer_limit (TlcBuffer *buffer, gsize capacity)
{
  guint8 *data;

  g_assert (buffer->length <= capacity);
  if (capacity >= buffer->capacity)
    return;
  buffer->capacity = capacity;
  data = g_try_realloc (buffer->data, capacity);
  if (data != NULL)
    buffer->data = data;
}

void
tlc_buffer_shrink (TlcBuffer *buffer)
{
  guint8 *data = g_try_realloc (buffer->data, TLC_BUFFER_KEEP);

  if (data == NULL)
    return;
  buffer->data = data;
  buffer->capacity = TLC_BUFFER_KEEP;
}
