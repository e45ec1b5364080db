/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#if !defined(TLC_INSIDE) && !defined(TLC_COMPILATION)
#error "Only <tlc/tlc.h> can be included directly."
#endif

#include <glib.h>

#include <tlc/version.h>

G_BEGIN_DECLS

/**
 * TlcConfig:
 *
 * The settings of one service as text: the same keys, values and checks as in a configuration file.
 * docs/settings.md lists the keys.
 *
 * Threads: a config belongs to one thread at a time; a service copies what it is given.
 */
typedef struct _TlcConfig TlcConfig;

/**
 * tlc_config_new:
 *
 * Returns: (transfer full): a config in which every key has its default; free with
 *   tlc_config_free()
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcConfig *tlc_config_new (void);

/**
 * tlc_config_copy:
 * @config: a config
 *
 * Returns: (transfer full): an independent copy; free with tlc_config_free()
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
TlcConfig *tlc_config_copy (const TlcConfig *config);

/**
 * tlc_config_free:
 * @config: (nullable) (transfer full): a config
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
void tlc_config_free (TlcConfig *config);

/**
 * tlc_config_set:
 * @config: a config
 * @key: a key of docs/settings.md, such as "endpoints" or "call-timeout"
 * @value: its value as text: durations with a unit ("250ms"), sizes with an optional one ("16MiB"),
 *   lists separated by commas or spaces
 * @error: return location for an error
 *
 * Sets one key. A refused value leaves @config as it was.
 *
 * Errors: %TLC_ERROR_CONFIG with the key, the value and what would be right; an unknown key is
 * answered with the nearest known one.
 *
 * Returns: %TRUE when @value was taken
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
gboolean tlc_config_set (TlcConfig *config, const char *key, const char *value, GError **error);

/**
 * tlc_config_get:
 * @config: a config
 * @key: a key of docs/settings.md
 *
 * Returns: (transfer full) (nullable): the value in force, the default where none was set; %NULL
 *   for an unknown key or one that has neither; free with g_free()
 *
 * Since: 0.1
 */
TLC_AVAILABLE_IN_0_1
char *tlc_config_get (const TlcConfig *config, const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcConfig, tlc_config_free)

G_END_DECLS
