/* SPDX-License-Identifier: Apache-2.0
 *
 * thrift_dispatch_processor_process() cannot be left alone with a service that extends another:
 *   - the generated dispatch of the parent service asks the *object* for its class's parent, which
 *     is the parent service again: a method that neither service has recurses for ever;
 *   - it warns at every end of file, dereferences an error that may be unset (an empty frame), and
 *     looks at a method name that an unversioned header does not set.
 * So the message is begun here, and a method that nobody has goes to c_glib's own answer directly.
 *
 * Threads: the processor's tables are filled when it is made; any number of calls may run.
 */
#include "echo-dispatch.h"

#include <string.h>
#include <thrift/c_glib/processor/thrift_dispatch_processor.h>

static gboolean
echo_dispatch_knows (EchoProcessor *processor, const char *name)
{
  return g_hash_table_contains (processor->process_map, name)
         || g_hash_table_contains (processor->parent.process_map, name);
}

static gboolean
echo_dispatch_unknown (EchoProcessor *processor, ThriftProtocol *in, ThriftProtocol *out,
                       gchar *name, gint32 seqid, GError **error)
{
  ThriftDispatchProcessorClass *klass = g_type_class_ref (THRIFT_TYPE_DISPATCH_PROCESSOR);
  gboolean ok = klass->dispatch_call (THRIFT_DISPATCH_PROCESSOR (processor), in, out, name, seqid,
                                      error);

  g_type_class_unref (klass);
  return ok;
}

/* Takes "service:" off; what is not for @multiplexed_name stays as it is, and is unknown. */
static void
echo_dispatch_strip (gchar *name, const char *multiplexed_name)
{
  gsize length = multiplexed_name != NULL ? strlen (multiplexed_name) : 0;

  if (length > 0 && strncmp (name, multiplexed_name, length) == 0 && name[length] == ':')
    memmove (name, name + length + 1, strlen (name + length + 1) + 1);
}

gboolean
echo_dispatch (EchoProcessor *processor, const char *multiplexed_name, ThriftProtocol *in,
               ThriftProtocol *out, GError **error)
{
  ThriftDispatchProcessor *dispatch = THRIFT_DISPATCH_PROCESSOR (processor);
  ThriftMessageType type = 0;
  gchar *name = NULL;
  gint32 seqid = 0;

  if (thrift_protocol_read_message_begin (in, &name, &type, &seqid, error) < 0)
    return FALSE;
  if (name == NULL || (type != T_CALL && type != T_ONEWAY))
    {
      g_free (name);
      return FALSE;
    }
  echo_dispatch_strip (name, multiplexed_name);
  if (!echo_dispatch_knows (processor, name))
    return echo_dispatch_unknown (processor, in, out, name, seqid, error);
  return THRIFT_DISPATCH_PROCESSOR_GET_CLASS (dispatch)
    ->dispatch_call (dispatch, in, out, name, seqid, error);
}
