/* SPDX-License-Identifier: Apache-2.0
 *
 * What c_glib needs before a server of many threads may run on it.
 */
#pragma once

/* Registers every generated type and repairs the finalizers that leak.
 * Call it once, before the second thread. */
void echo_server_prepare_types (void);
