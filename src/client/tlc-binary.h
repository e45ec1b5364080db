/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "client/tlc-protocol.h"
#include "client/tlc-walk.h"

/* What the writing and the reading half of the binary protocol share. */
#define TLC_BINARY_VERSION 0x80010000u
#define TLC_BINARY_VERSION_MASK 0xffff0000u

extern const TlcWalker tlc_binary_walker;

void tlc_binary_install_writers (TlcProtocolClass *klass);
void tlc_binary_install_readers (TlcProtocolClass *klass);

static inline void
tlc_binary_put_16 (guint8 *at, guint16 value)
{
  value = GUINT16_TO_BE (value);
  memcpy (at, &value, sizeof value);
}

static inline void
tlc_binary_put_32 (guint8 *at, guint32 value)
{
  value = GUINT32_TO_BE (value);
  memcpy (at, &value, sizeof value);
}

static inline void
tlc_binary_put_64 (guint8 *at, guint64 value)
{
  value = GUINT64_TO_BE (value);
  memcpy (at, &value, sizeof value);
}

static inline guint16
tlc_binary_get_16 (const guint8 *at)
{
  guint16 value;

  memcpy (&value, at, sizeof value);
  return GUINT16_FROM_BE (value);
}

static inline guint32
tlc_binary_get_32 (const guint8 *at)
{
  guint32 value;

  memcpy (&value, at, sizeof value);
  return GUINT32_FROM_BE (value);
}

static inline guint64
tlc_binary_get_64 (const guint8 *at)
{
  guint64 value;

  memcpy (&value, at, sizeof value);
  return GUINT64_FROM_BE (value);
}
