/* SPDX-License-Identifier: Apache-2.0 */
/* call FILE: two calls on the service "echo", whose servers FILE says. */
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
  g_autoptr (TlcRegistry) registry = tlc_registry_new ();
  g_autofree char *name = NULL;
  gint32 sum = 0;

  if (!tlc_registry_load (registry, argc > 1 ? argv[1] : "services.conf", &error)
      || !tlc_registry_watch (registry, &error))
    return report (error);

  /* in any thread, at any time */
  TlcService *service = tlc_registry_get_service (registry, "echo", TYPE_ECHO_CLIENT, &error);
  EchoIf *echo = tlc_service_get_client (service, &error);
  if (echo == NULL || !echo_if_add (echo, &sum, 1, 2, &error)
      || !identity_if_who (IDENTITY_IF (echo), &name, &error))
    return report (error);

  g_print ("%s says 1 + 2 = %d\n", name, sum);
  return 0;
}
