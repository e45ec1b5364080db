/* SPDX-License-Identifier: Apache-2.0
 *
 * Two faults of c_glib that a server meets at once, repaired here without the library under test,
 * so that this server stays a witness against it:
 *   - generated *_get_type() may be called first by one thread only;
 *   - finalizers of generated structs and of a few of the library's own classes do not chain up to
 *     GObject's, and leave 68 bytes behind for each object: at least two a call.
 *
 * Runs on the main thread before any other; afterwards the table of finalizers is read only.
 */
#include "echo-prepare.h"

#include <glib-object.h>

#include <thrift/c_glib/thrift_application_exception.h>
#include <thrift/c_glib/thrift_struct.h>
#include <thrift/c_glib/transport/thrift_buffered_transport.h>
#include <thrift/c_glib/transport/thrift_framed_transport.h>
#include <thrift/c_glib/transport/thrift_socket.h>

#include "echo.h"
#include "echo_types.h"
#include "identity.h"

typedef void (*EchoServerFinalize) (GObject *object);

static GType (*const echo_server_types[]) (void) = {
#include "echo-server-type-list.h"
};

static GHashTable *echo_server_finalizers; /* GType -> what its class finalized with */
static EchoServerFinalize echo_server_object_finalize;

static void
echo_server_finalize (GObject *object)
{
  gpointer key = GSIZE_TO_POINTER (G_OBJECT_TYPE (object));
  EchoServerFinalize finalize = g_hash_table_lookup (echo_server_finalizers, key);

  finalize (object);
  echo_server_object_finalize (object); /* does no harm the second time, should one chain up */
}

static void
echo_server_repair (GType type)
{
  GObjectClass *klass = g_type_class_ref (type); /* for good */

  g_hash_table_insert (echo_server_finalizers, GSIZE_TO_POINTER (type), klass->finalize);
  klass->finalize = echo_server_finalize;
}

void
echo_server_prepare_types (void)
{
  GObjectClass *object_class = g_type_class_ref (G_TYPE_OBJECT);

  g_assert (echo_server_finalizers == NULL);
  echo_server_finalizers = g_hash_table_new (NULL, NULL);
  echo_server_object_finalize = object_class->finalize;

  for (gsize i = 0; i < G_N_ELEMENTS (echo_server_types); i++)
    {
      GType type = echo_server_types[i]();

      if (g_type_is_a (type, THRIFT_TYPE_STRUCT))
        echo_server_repair (type);
    }
  echo_server_repair (THRIFT_TYPE_APPLICATION_EXCEPTION);
  echo_server_repair (THRIFT_TYPE_SOCKET);
  echo_server_repair (THRIFT_TYPE_FRAMED_TRANSPORT);
  echo_server_repair (THRIFT_TYPE_BUFFERED_TRANSPORT);
  g_type_class_unref (object_class);
}
