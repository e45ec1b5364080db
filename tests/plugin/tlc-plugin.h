/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a plugin that calls by TLC has for its host, which knows nothing of TLC; the functions are found by
 * their names. */

/* Makes the plugin's service; 0 when it is there. */
typedef int (*TlcPluginOpen) (const char *endpoint);
/* A call by the calling thread's client; 0 when it was answered. */
typedef int (*TlcPluginCall) (void);
/* Releases the service. */
typedef void (*TlcPluginClose) (void);
