/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A second address of a server: what connects there is passed on, byte for byte, both ways. */

#include <sys/socket.h>

#include <glib.h>

typedef struct _TlcRelay TlcRelay;

/* Listens at @address; with port 0, at one of the kernel's choice. @server: "tcp://127.0.0.1:PORT".
 * NULL with errno when one cannot listen there. One thread of its own. */
TlcRelay *tlc_relay_new (const struct sockaddr *address, socklen_t length, const char *server);
void tlc_relay_free (TlcRelay *relay);

guint tlc_relay_get_port (TlcRelay *relay);
guint tlc_relay_count_connections (TlcRelay *relay);
