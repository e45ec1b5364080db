/* SPDX-License-Identifier: Apache-2.0 */

/* The message level that our protocols share.
 *
 * Generated code sends number 0, compares the beginnings of names and ignores errors while it
 * reads a T_EXCEPTION. So the number is stamped here, the header compared here, and the
 * exception decoded here: generated code only ever sees a T_REPLY that is its own. Ends of
 * things have no bytes in any of our protocols. */
#include "client/tlc-protocol.h"

#include <stdlib.h>
#include <string.h>
#include <thrift/c_glib/thrift_application_exception.h>

/* How much of a server's words goes into an error. */
#define TLC_MESSAGE_MAX 4096

G_DEFINE_ABSTRACT_TYPE (TlcProtocol, tlc_protocol, THRIFT_TYPE_PROTOCOL)

ThriftProtocol *
tlc_protocol_new (GType type, TlcTransport *transport, const char *multiplexed_name)
{
  TlcProtocol *self = g_object_new (type, "transport", transport, NULL);

  self->call = tlc_transport_get_call (transport);
  if (multiplexed_name != NULL)
    self->prefix = g_strconcat (multiplexed_name, ":", NULL);
  return THRIFT_PROTOCOL (self);
}

gint32
tlc_protocol_refuse (ThriftProtocol *protocol, TlcRefusal refusal, GError **error)
{
  tlc_call_refuse (tlc_protocol_get_call (protocol), refusal, error);
  return -1;
}

gint32
tlc_protocol_copy_bytes (ThriftProtocol *protocol, gint32 length, char **ret_bytes,
                         guint32 *ret_length, GError **error)
{
  TlcReader *reader = &tlc_protocol_get_call (protocol)->reader;

  if (G_UNLIKELY (length < 0))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_NEGATIVE, error);
  if (G_UNLIKELY ((gsize) length > tlc_reader_left (reader)))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_COUNT, error);
  if (G_UNLIKELY (!tlc_reader_charge (reader, TLC_READER_COST_STRING + (gsize) length)))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_BUDGET, error);
  *ret_bytes = g_try_malloc ((gsize) length + 1);
  if (G_UNLIKELY (*ret_bytes == NULL))
    return tlc_protocol_refuse (protocol, TLC_REFUSE_MEMORY, error);
  memcpy (*ret_bytes, reader->at, (gsize) length);
  (*ret_bytes)[length] = '\0';
  *ret_length = (guint32) length;
  reader->at += length;
  return length;
}

static gint32
tlc_protocol_write_message_begin (ThriftProtocol *protocol, const gchar *name,
                                  const ThriftMessageType type, const gint32 sequence,
                                  GError **error)
{
  TlcProtocol *self = (TlcProtocol *) protocol;
  TlcProtocolClass *klass = (TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol);

  if (!tlc_call_begin (self->call, name, type, error)
      || !klass->write_header (self, name, type, self->call->sequence, error))
    return -1;
  return 0;
}

static void
tlc_protocol_set_application_error (TlcProtocol *self, gint32 type, const char *message,
                                    GError **error)
{
  g_autofree char *where = NULL;
  g_autofree char *what = NULL;

  if (error == NULL || *error != NULL)
    return;
  where = tlc_call_describe (self->call);
  what = message == NULL ? g_strdup ("no message")
                         : g_utf8_make_valid (message, (gssize) strnlen (message, TLC_MESSAGE_MAX));
  g_set_error (error, THRIFT_APPLICATION_EXCEPTION_ERROR, type,
               "%s: application error %d: %s (answered)", where, type, what);
}

/* struct TApplicationException { 1: string message, 2: i32 type } */
static gboolean
tlc_protocol_read_application_exception (ThriftProtocol *protocol, char **ret_message,
                                         gint32 *ret_type, GError **error)
{
  ThriftType field_type = T_STOP;
  gint16 id = 0;
  char *name = NULL;

  if (thrift_protocol_read_struct_begin (protocol, &name, error) < 0)
    return FALSE;
  for (;;)
    {
      gint32 result;

      if (thrift_protocol_read_field_begin (protocol, &name, &field_type, &id, error) < 0)
        return FALSE;
      if (field_type == T_STOP)
        break;
      if (id == 1 && field_type == T_STRING)
        result = thrift_protocol_read_string (protocol, ret_message, error);
      else if (id == 2 && field_type == T_I32)
        result = thrift_protocol_read_i32 (protocol, ret_type, error);
      else
        result = thrift_protocol_skip (protocol, field_type, error);
      if (result < 0)
        return FALSE;
    }
  return thrift_protocol_read_struct_end (protocol, error) >= 0;
}

/* The server's answer is that it could not answer: an error of the call, with the connection as
 * good as ever. Generated code is told that the message could not be read, with the error that
 * it would have made. */
static TLC_COLD gint32
tlc_protocol_take_exception (TlcProtocol *self, GError **error)
{
  ThriftProtocol *protocol = THRIFT_PROTOCOL (self);
  g_autofree char *message = NULL;
  gint32 type = THRIFT_APPLICATION_EXCEPTION_ERROR_UNKNOWN;

  if (!tlc_protocol_read_application_exception (protocol, &message, &type, error))
    return -1;
  tlc_call_answered (self->call);
  if (tlc_call_end (self->call, error))
    tlc_protocol_set_application_error (self, type, message, error);
  return -1;
}

static gint32
tlc_protocol_read_message_begin (ThriftProtocol *protocol, gchar **name, ThriftMessageType *type,
                                 gint32 *sequence, GError **error)
{
  TlcProtocol *self = (TlcProtocol *) protocol;
  TlcProtocolClass *klass = (TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol);
  gboolean is_there = tlc_call_receive (self->call, error);
  TlcHeader header;

  *name = NULL;
  *type = T_REPLY;
  *sequence = 0;
  for (;;)
    {
      TlcReplyVerdict verdict;
      TlcRefusal refusal;

      if (G_UNLIKELY (!is_there))
        return -1;
      refusal = klass->read_header (self, &header);
      if (G_UNLIKELY (refusal != TLC_REFUSE_NONE))
        {
          tlc_call_refuse (self->call, refusal, error);
          return -1;
        }
      verdict = tlc_call_match (self->call, &header, error);
      if (G_LIKELY (verdict == TLC_REPLY_MATCHES))
        break;
      is_there = verdict == TLC_REPLY_IS_STALE && tlc_call_receive_next (self->call, error);
    }
  if (G_UNLIKELY (header.type == T_EXCEPTION))
    return tlc_protocol_take_exception (self, error);
  /* Generated code insists on freeing a name of its own. */
  *name = malloc (header.name_length + 1);
  if (G_UNLIKELY (*name == NULL))
    {
      tlc_call_refuse (self->call, TLC_REFUSE_MEMORY, error);
      return -1;
    }
  memcpy (*name, header.name, header.name_length);
  (*name)[header.name_length] = '\0';
  *sequence = header.sequence;
  return 0;
}

static gint32
tlc_protocol_read_message_end (ThriftProtocol *protocol, GError **error)
{
  return tlc_call_end (tlc_protocol_get_call (protocol), error) ? 0 : -1;
}

/* Structs have no begin on the wire, only a depth. */
static gint32
tlc_protocol_read_struct_begin (ThriftProtocol *protocol, gchar **name, GError **error)
{
  TlcCall *call = tlc_protocol_get_call (protocol);
  TlcRefusal refusal;

  *name = NULL;
  if (G_UNLIKELY (!tlc_reader_value (&call->reader, T_STRUCT)))
    refusal = TLC_REFUSE_TYPE;
  else if (G_UNLIKELY (!tlc_reader_charge (&call->reader, TLC_READER_COST_STRUCT)))
    refusal = TLC_REFUSE_BUDGET;
  else
    refusal = tlc_reader_push (&call->reader, T_STOP, T_STOP);
  if (G_LIKELY (refusal == TLC_REFUSE_NONE))
    return 0;
  tlc_call_refuse (call, refusal, error);
  return -1;
}

static gint32
tlc_protocol_read_end_of_level (ThriftProtocol *protocol, GError **error)
{
  tlc_reader_pop (&tlc_protocol_get_call (protocol)->reader);
  return 0;
}

static gint32
tlc_protocol_read_string (ThriftProtocol *protocol, gchar **string, GError **error)
{
  TlcProtocolClass *klass = (TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol);
  guint32 length;

  return klass->read_bytes (protocol, string, &length, error);
}

static gint32
tlc_protocol_read_binary (ThriftProtocol *protocol, gpointer *bytes, guint32 *length,
                          GError **error)
{
  TlcProtocolClass *klass = (TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol);
  char *copy;
  gint32 result = klass->read_bytes (protocol, &copy, length, error);

  *bytes = copy;
  return result;
}

static gint
tlc_protocol_get_min_serialized_size (ThriftProtocol *protocol, ThriftType type, GError **error)
{
  TlcProtocolClass *klass = (TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol);
  gsize size = klass->min_size ((guint8) type);

  if (size > 0)
    return (gint) size;
  g_set_error (error, THRIFT_PROTOCOL_ERROR, THRIFT_PROTOCOL_ERROR_INVALID_DATA, "unknown type %d",
               (int) type);
  return -1;
}

static gint32
tlc_protocol_nothing (ThriftProtocol *protocol, GError **error)
{
  return 0;
}

static gint32
tlc_protocol_nothing_named (ThriftProtocol *protocol, const gchar *name, GError **error)
{
  return 0;
}

static void
tlc_protocol_finalize (GObject *object)
{
  g_free (((TlcProtocol *) object)->prefix);
  G_OBJECT_CLASS (tlc_protocol_parent_class)->finalize (object);
}

static void
tlc_protocol_class_init (TlcProtocolClass *klass)
{
  ThriftProtocolClass *protocol_class = THRIFT_PROTOCOL_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = tlc_protocol_finalize;

  protocol_class->write_message_begin = tlc_protocol_write_message_begin;
  protocol_class->write_message_end = tlc_protocol_nothing;
  protocol_class->write_struct_begin = tlc_protocol_nothing_named;
  protocol_class->write_struct_end = tlc_protocol_nothing;
  protocol_class->write_field_end = tlc_protocol_nothing;
  protocol_class->write_map_end = tlc_protocol_nothing;
  protocol_class->write_list_end = tlc_protocol_nothing;
  protocol_class->write_set_end = tlc_protocol_nothing;

  protocol_class->read_message_begin = tlc_protocol_read_message_begin;
  protocol_class->read_message_end = tlc_protocol_read_message_end;
  protocol_class->read_struct_begin = tlc_protocol_read_struct_begin;
  protocol_class->read_struct_end = tlc_protocol_read_end_of_level;
  protocol_class->read_field_end = tlc_protocol_nothing;
  protocol_class->read_map_end = tlc_protocol_read_end_of_level;
  protocol_class->read_list_end = tlc_protocol_read_end_of_level;
  protocol_class->read_set_end = tlc_protocol_read_end_of_level;
  protocol_class->read_string = tlc_protocol_read_string;
  protocol_class->read_binary = tlc_protocol_read_binary;
  protocol_class->get_min_serialized_size = tlc_protocol_get_min_serialized_size;
}

static void
tlc_protocol_init (TlcProtocol *self)
{
}
