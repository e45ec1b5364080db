/* SPDX-License-Identifier: Apache-2.0 */

/* The records of a service's endpoints, which outlive snapshots. */
#include "model/tlc-endpoint-table.h"

struct _TlcEndpointTable {
  GHashTable *endpoints; /* socket address (GBytes) to TlcEndpoint */
};

TlcEndpointTable *
tlc_endpoint_table_new (void)
{
  TlcEndpointTable *table = g_new0 (TlcEndpointTable, 1);

  table->endpoints = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                            (GDestroyNotify) g_bytes_unref,
                                            (GDestroyNotify) tlc_endpoint_unref);
  return table;
}

void
tlc_endpoint_table_free (TlcEndpointTable *table)
{
  g_hash_table_unref (table->endpoints);
  g_free (table);
}

TlcEndpoint *
tlc_endpoint_table_get (TlcEndpointTable *table, const TlcAddress *address)
{
  GBytes *key = g_bytes_new (&address->sockaddr, address->sockaddr_length);
  TlcEndpoint *endpoint = g_hash_table_lookup (table->endpoints, key);

  if (endpoint != NULL)
    {
      g_bytes_unref (key);
      return endpoint;
    }
  endpoint = tlc_endpoint_new (tlc_address_copy (address));
  g_hash_table_insert (table->endpoints, key, endpoint);
  return endpoint;
}

static gboolean
tlc_endpoint_table_is_unused (gpointer key, gpointer endpoint, gpointer data)
{
  return !tlc_endpoint_is_shared (endpoint);
}

void
tlc_endpoint_table_prune (TlcEndpointTable *table)
{
  g_hash_table_foreach_remove (table->endpoints, tlc_endpoint_table_is_unused, NULL);
}

char *
tlc_endpoint_table_describe (TlcEndpointTable *table, const TlcEndpoint *endpoint)
{
  GHashTableIter iter;
  gpointer known;

  g_hash_table_iter_init (&iter, table->endpoints);
  while (g_hash_table_iter_next (&iter, NULL, &known))
    if (known == endpoint)
      return g_strdup (tlc_endpoint_get_text (known));
  return NULL;
}
