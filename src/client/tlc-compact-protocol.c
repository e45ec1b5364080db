/* SPDX-License-Identifier: Apache-2.0 */

/* The compact protocol: numbers of seven bits a byte, the low ones first; a field's type and the
 * step from the id before it in one byte where they fit. Its two halves are in
 * tlc-compact-write.c and tlc-compact-read.c. */
#include "client/tlc-compact.h"

typedef TlcProtocolClass TlcCompactProtocolClass;

G_DEFINE_TYPE (TlcCompactProtocol, tlc_compact_protocol, TLC_TYPE_PROTOCOL)

static void
tlc_compact_protocol_finalize (GObject *object)
{
  g_free (((TlcCompactProtocol *) object)->outer_ids);
  G_OBJECT_CLASS (tlc_compact_protocol_parent_class)->finalize (object);
}

static void
tlc_compact_protocol_class_init (TlcCompactProtocolClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tlc_compact_protocol_finalize;
  tlc_compact_install_writers (klass);
  tlc_compact_install_readers (klass);
  klass->walker = &tlc_compact_walker;
}

static void
tlc_compact_protocol_init (TlcCompactProtocol *self)
{
}
