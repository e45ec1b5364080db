/* SPDX-License-Identifier: Apache-2.0 */
/* call ENDPOINT: two calls on the echo server that listens there. */
#include <tlc/tlc.h>

#include "echo.h"
#include "identity.h"

static int
report (const GError *error)
{
  g_printerr ("%s\n", error->message);
  return 1;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (TlcService) service = NULL;
  g_autofree char *name = NULL;
  gint32 sum = 0;
  EchoIf *echo;

  if (!tlc_config_set (config, "endpoints", argc > 1 ? argv[1] : "", &error))
    return report (error);
  service = tlc_service_new ("echo", TYPE_ECHO_CLIENT, config, &error);
  if (service == NULL)
    return report (error);

  echo = tlc_service_get_client (service, &error);
  if (echo == NULL || !echo_if_add (echo, &sum, 1, 2, &error)
      || !identity_if_who (IDENTITY_IF (echo), &name, &error))
    return report (error);

  g_print ("%s says 1 + 2 = %d\n", name, sum);
  return 0;
}
