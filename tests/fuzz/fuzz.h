/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What a fuzzer calls with each of its inputs, and fuzz-replay.c with each of the corpus. */
int LLVMFuzzerTestOneInput (const guint8 *data, gsize length);
