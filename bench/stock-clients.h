/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a program does without TLC: generated clients on Apache Thrift's own framed transport over
 * TCP, one of them behind a lock, or several in a pool. With TCP_NODELAY, which stock sockets lack,
 * or every comparison would be one with Nagle's algorithm.
 *
 * Stock clients cannot be used after a failed call, and have no time-outs: a bench stops there. */

#include <glib.h>

#include "echo.h"

G_BEGIN_DECLS

/* One client and its connection.  Threads: one at a time. */
typedef struct _StockClient StockClient;

/* @endpoint is "tcp://127.0.0.1:port"; connects. */
StockClient *stock_client_new (const char *endpoint, GError **error);
void stock_client_free (StockClient *client);
EchoIf *stock_client_get (StockClient *client);

/* One client behind a mutex.  Threads: any; between acquire and release the caller has the client.
 */
typedef struct _StockLock StockLock;

StockLock *stock_lock_new (const char *endpoint, GError **error);
void stock_lock_free (StockLock *lock);
StockClient *stock_lock_acquire (StockLock *lock);
void stock_lock_release (StockLock *lock);

/* @size clients behind a mutex and a condition, the last one used first.  Threads: any. */
typedef struct _StockPool StockPool;

StockPool *stock_pool_new (const char *endpoint, guint size, GError **error);
void stock_pool_free (StockPool *pool);
StockClient *stock_pool_acquire (StockPool *pool);
void stock_pool_release (StockPool *pool, StockClient *client);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StockClient, stock_client_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StockLock, stock_lock_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StockPool, stock_pool_free)

G_END_DECLS
