/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-endpoint.h"

/* The endpoints of one service by address: those of its snapshots, and those that a connection or a
 * thread still refers to. So an address that goes and comes back has the record that it had. With the
 * root's lock held, all of it. */
typedef struct _TlcEndpointTable TlcEndpointTable;

TlcEndpointTable *tlc_endpoint_table_new (void);
void tlc_endpoint_table_free (TlcEndpointTable *table);
/* The record of @address, which is made if there is none; without a reference. */
TlcEndpoint *tlc_endpoint_table_get (TlcEndpointTable *table, const TlcAddress *address);
/* Forgets what nobody else refers to. */
void tlc_endpoint_table_prune (TlcEndpointTable *table);
/* A copy of the text of @endpoint, which need not be alive; NULL when it is not one of them any more. */
char *tlc_endpoint_table_describe (TlcEndpointTable *table, const TlcEndpoint *endpoint);
