/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib-object.h>

#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * TlcTypeFunc:
 *
 * A generated `*_get_type` function.
 */
typedef GType (*TlcTypeFunc) (void);

/**
 * tlc_register_types:
 * @types: (array length=n_types): generated `*_get_type` functions, of structs, exceptions,
 *   interfaces and clients
 * @n_types: their number
 *
 * Registers generated types before two threads can do so at once, which would leave them unusable
 * for the rest of the process, and repairs the finalizers of generated objects, which leak.
 * Programs rarely call it: `tlc-types` writes a file that does, before main() is entered.
 *
 * Types are for good: a library or plugin that has them stays loaded, whatever `dlclose()` says, and is
 * found again by `dlopen()`.
 *
 * Calling it again, for the same types too, does no harm.
 *
 * Threads: any; must have returned before a second thread uses one of @types for the first time.
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_register_types (const TlcTypeFunc *types, gsize n_types);

G_END_DECLS
