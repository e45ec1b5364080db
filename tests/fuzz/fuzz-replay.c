/* SPDX-License-Identifier: Apache-2.0 */

/* fuzz-replay FOLDER: the corpus, without a fuzzer: each file as it is, cut at each byte, and with
 * each byte changed. Prints TAP, a line for each file. FAULTS row 20. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

/* Larger files are only replayed as they are. */
#define FUZZ_REPLAY_MUTATED_MAX 2048

static void
replay (const guint8 *data, gsize length)
{
  g_autofree guint8 *copy = g_memdup2 (data, MAX (length, 1));

  LLVMFuzzerTestOneInput (copy, length);
  if (length > FUZZ_REPLAY_MUTATED_MAX)
    return;
  for (gsize i = 0; i < length; i++)
    {
      static const guint8 flips[] = { 0x01, 0x80, 0xff };
      g_autofree guint8 *cut = g_memdup2 (data, MAX (i, 1));

      LLVMFuzzerTestOneInput (cut, i);
      for (guint j = 0; j < G_N_ELEMENTS (flips); j++)
        {
          copy[i] = data[i] ^ flips[j];
          LLVMFuzzerTestOneInput (copy, length);
        }
      copy[i] = data[i];
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) folder = g_dir_open (argc > 1 ? argv[1] : ".", 0, NULL);
  const char *name;
  guint n = 0;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (argv[1], name, NULL);
      g_autofree char *data = NULL;
      gsize length;

      if (!g_file_get_contents (path, &data, &length, NULL))
        continue;
      replay ((const guint8 *) data, length);
      printf ("ok %u - %s\n", ++n, name);
    }
  printf ("1..%u\n", n);
  return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
