/* SPDX-License-Identifier: Apache-2.0 */

/* The binary protocol, strict: numbers with the high byte first, a type byte and an id before
 * each field, lengths and counts of four bytes. Its two halves are in tlc-binary-write.c and
 * tlc-binary-read.c. */
#include "client/tlc-binary.h"

typedef TlcProtocol TlcBinaryProtocol;
typedef TlcProtocolClass TlcBinaryProtocolClass;

G_DEFINE_TYPE (TlcBinaryProtocol, tlc_binary_protocol, TLC_TYPE_PROTOCOL)

static void
tlc_binary_protocol_class_init (TlcBinaryProtocolClass *klass)
{
  tlc_binary_install_writers (klass);
  tlc_binary_install_readers (klass);
  klass->walker = &tlc_binary_walker;
}

static void
tlc_binary_protocol_init (TlcBinaryProtocol *self)
{
}
