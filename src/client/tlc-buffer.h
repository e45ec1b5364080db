/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Bytes of one message. Grows as they come, and does not stay large when the message is over: a
 * thread that sleeps afterwards would pin the memory. */
typedef struct {
  guint8 *data;
  gsize length;
  gsize capacity;
} TlcBuffer;

/* What a buffer keeps between messages at the most. */
#define TLC_BUFFER_KEEP (64 * 1024)

void tlc_buffer_init (TlcBuffer *buffer, gsize capacity);
void tlc_buffer_clear (TlcBuffer *buffer);
/* Room for @capacity bytes in all; FALSE when there is no memory, and nothing changed. */
gboolean tlc_buffer_reserve (TlcBuffer *buffer, gsize capacity);
/* Room for no more than @capacity bytes, which hold what is there. */
void tlc_buffer_limit (TlcBuffer *buffer, gsize capacity);
void tlc_buffer_shrink (TlcBuffer *buffer);

/* The message is over: empty, and no larger than TLC_BUFFER_KEEP. */
static inline void
tlc_buffer_reset (TlcBuffer *buffer)
{
  buffer->length = 0;
  if (G_UNLIKELY (buffer->capacity > TLC_BUFFER_KEEP))
    tlc_buffer_shrink (buffer);
}
