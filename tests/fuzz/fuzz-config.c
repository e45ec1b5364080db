/* SPDX-License-Identifier: Apache-2.0 */

/* Settings from anywhere: an input is a key, a NUL and a value. What is taken reads back as the
 * same value. */
#include <string.h>
#include <tlc/tlc.h>

#include "fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize length)
{
  g_autofree char *text = g_strndup ((const char *) data, length);
  const char *value = length > strlen (text) ? (const char *) data + strlen (text) + 1 : "";
  g_autofree char *copy
      = g_strndup (value, length > strlen (text) ? length - strlen (text) - 1 : 0);
  g_autoptr (TlcConfig) config = tlc_config_new ();
  g_autoptr (GError) error = NULL;

  if (tlc_config_set (config, text, copy, &error))
    {
      g_autofree char *canonical = tlc_config_get (config, text);
      g_autofree char *again = NULL;

      g_assert (canonical != NULL && tlc_config_set (config, text, canonical, NULL));
      again = tlc_config_get (config, text);
      g_assert (strcmp (canonical, again) == 0);
    }
  else
    g_assert (error != NULL && error->domain == TLC_ERROR && error->code == TLC_ERROR_CONFIG);
  return 0;
}
