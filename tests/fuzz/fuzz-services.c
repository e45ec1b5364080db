/* SPDX-License-Identifier: Apache-2.0 */

/* Files of services from anywhere. What is taken GKeyFile reads the same; what is not is said in full. */
#include "fuzz/fuzz.h"
#include "support/tlc-key-file-twin.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize length)
{
  tlc_key_file_compare ((const char *) data, length);
  return 0;
}
