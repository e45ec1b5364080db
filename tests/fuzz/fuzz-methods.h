/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "echo.h"

/* A method of echo.thrift, called through the generated client with some arguments; what it
 * returns is looked at to its last byte, and freed. */
typedef struct {
  const char *name;
  gboolean (*call) (EchoIf *echo, GError **error);
} FuzzMethod;

extern const FuzzMethod fuzz_methods[];
extern const guint fuzz_n_methods;

const FuzzMethod *fuzz_method_find (const char *name);
