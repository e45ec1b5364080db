/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler behind the C echo server: c_glib's EchoHandler with every method filled in.
 * One handler serves all connections; its methods may run beside each other.
 */
#pragma once

#include <glib-object.h>

#include "echo.h"

G_BEGIN_DECLS

#define ECHO_SERVER_TYPE_HANDLER (echo_server_handler_get_type ())

typedef struct _EchoServerHandler EchoServerHandler;

GType echo_server_handler_get_type (void);

/* @delay_us: how long each add() takes */
EchoServerHandler *echo_server_handler_new (const char *name, guint delay_us);

/* The calling thread serves one connection, that one: its who() answers "NAME#NUMBER". */
void echo_server_handler_number_thread (guint number);

/* echo-handler-values.c: the methods that only return values */
void echo_server_handler_install_values (EchoHandlerClass *klass);

/* sleeps at least so long, whatever interrupts it */
void echo_server_sleep_us (guint64 microseconds);

G_END_DECLS
