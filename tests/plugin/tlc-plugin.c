/* SPDX-License-Identifier: Apache-2.0 */

/* A plugin with generated code, and a service. */
#include "plugin/tlc-plugin.h"

#include <tlc/tlc.h>

#include "echo.h"

extern int tlc_plugin_open (const char *endpoint);
extern int tlc_plugin_call (void);
extern void tlc_plugin_close (void);

static TlcService *service;

__attribute__ ((visibility ("default"))) int
tlc_plugin_open (const char *endpoint)
{
  g_autoptr (TlcConfig) config = tlc_config_new ();

  if (!tlc_config_set (config, "endpoints", endpoint, NULL))
    return 1;
  service = tlc_service_new ("plugin", TYPE_ECHO_CLIENT, config, NULL);
  return service != NULL ? 0 : 1;
}

__attribute__ ((visibility ("default"))) int
tlc_plugin_call (void)
{
  gpointer client = tlc_service_get_client (service, NULL);
  gint32 sum = 0;

  return client != NULL && echo_if_add (client, &sum, 1, 2, NULL) && sum == 3 ? 0 : 1;
}

__attribute__ ((visibility ("default"))) void
tlc_plugin_close (void)
{
  tlc_service_unref (service);
  service = NULL;
}
