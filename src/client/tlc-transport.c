/* SPDX-License-Identifier: Apache-2.0 */

/* The transport: what generated code, and whoever else has a ThriftTransport in hand, sees of a
 * call.
 *
 * All eight methods are there, since the defaults of c_glib call themselves. There is nothing
 * to open: a connection is claimed when a request is flushed. */
#include "client/tlc-transport.h"

#include <string.h>

struct _TlcTransport {
  ThriftTransport parent_instance;
  TlcCall call;
};

typedef struct {
  ThriftTransportClass parent_class;
} TlcTransportClass;

enum {
  PROP_0,
  PROP_CONFIGURATION,
};

G_DEFINE_TYPE (TlcTransport, tlc_transport, THRIFT_TYPE_TRANSPORT)

TlcTransport *
tlc_transport_new (TlcCore *core)
{
  TlcTransport *self = g_object_new (TLC_TYPE_TRANSPORT, NULL);

  tlc_call_init (&self->call, core);
  return self;
}

TlcCall *
tlc_transport_get_call (TlcTransport *transport)
{
  return &transport->call;
}

static gboolean
tlc_transport_is_open (ThriftTransport *transport)
{
  return TRUE;
}

static gboolean
tlc_transport_open (ThriftTransport *transport, GError **error)
{
  return TRUE;
}

static gboolean
tlc_transport_close (ThriftTransport *transport, GError **error)
{
  tlc_call_reset (&((TlcTransport *) transport)->call);
  return TRUE;
}

static gint32
tlc_transport_read (ThriftTransport *transport, gpointer buffer, guint32 length, GError **error)
{
  TlcCall *call = &((TlcTransport *) transport)->call;
  TlcReader *reader = &call->reader;
  gsize n = MIN (MIN (length, tlc_reader_left (reader)), G_MAXINT32);

  /* Never 0: c_glib's read_all() would ask for ever. */
  if (n == 0 && length > 0)
    {
      tlc_call_refuse (call, TLC_REFUSE_SHORT, error);
      return -1;
    }
  memcpy (buffer, reader->at, n);
  reader->at += n;
  return (gint32) n;
}

static gboolean
tlc_transport_write (ThriftTransport *transport, const gpointer buffer, const guint32 length,
                     GError **error)
{
  guint8 *room = tlc_call_append (&((TlcTransport *) transport)->call, length, error);

  if (room == NULL)
    return FALSE;
  memcpy (room, buffer, length);
  return TRUE;
}

static gboolean
tlc_transport_flush (ThriftTransport *transport, GError **error)
{
  return tlc_call_send (&((TlcTransport *) transport)->call, error);
}

static gboolean
tlc_transport_end (ThriftTransport *transport, GError **error)
{
  return TRUE;
}

/* c_glib's own setter takes no reference, though dispose drops one. */
static void
tlc_transport_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  ThriftTransport *transport = THRIFT_TRANSPORT (object);

  if (id != PROP_CONFIGURATION)
    {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      return;
    }
  g_clear_object (&transport->configuration);
  transport->configuration = g_value_dup_object (value);
}

static void
tlc_transport_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_CONFIGURATION)
    g_value_set_object (value, THRIFT_TRANSPORT (object)->configuration);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
tlc_transport_finalize (GObject *object)
{
  TlcTransport *self = (TlcTransport *) object;

  if (self->call.core != NULL)
    tlc_call_clear (&self->call);
  G_OBJECT_CLASS (tlc_transport_parent_class)->finalize (object);
}

static void
tlc_transport_class_init (TlcTransportClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  ThriftTransportClass *transport_class = THRIFT_TRANSPORT_CLASS (klass);

  object_class->set_property = tlc_transport_set_property;
  object_class->get_property = tlc_transport_get_property;
  object_class->finalize = tlc_transport_finalize;
  g_object_class_install_property (
      object_class, PROP_CONFIGURATION,
      g_param_spec_object ("configuration", NULL, NULL, THRIFT_TYPE_CONFIGURATION,
                           G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS));

  transport_class->is_open = tlc_transport_is_open;
  transport_class->open = tlc_transport_open;
  transport_class->close = tlc_transport_close;
  transport_class->read = tlc_transport_read;
  transport_class->read_end = tlc_transport_end;
  transport_class->write = tlc_transport_write;
  transport_class->write_end = tlc_transport_end;
  transport_class->flush = tlc_transport_flush;
}

static void
tlc_transport_init (TlcTransport *self)
{
}
