/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-settings.h"

#define TLC_SETTING_VALUE_MAX (64 * 1024) /* bytes of one value's text */
#define TLC_SETTING_ENDPOINTS_MAX 1024
#define TLC_SETTING_NAME_MAX 64
#define TLC_SETTING_GLOBS_MAX 256
#define TLC_SETTING_CONNECTIONS_MAX 100000

typedef struct _TlcSetting TlcSetting;

/* What a key's value is made of. @field points into a TlcSettings, at the setting's offset. */
typedef struct {
  /* Errors read `"value": what would be right`. */
  gboolean (*parse) (const TlcSetting *setting, const char *text, gpointer field, GError **error);
  char *(*format) (const TlcSetting *setting, gconstpointer field);
  char *(*describe) (const TlcSetting *setting); /* the values that are right, for the docs */
} TlcSettingType;

extern const TlcSettingType tlc_endpoints_type;
extern const TlcSettingType tlc_choice_type;
extern const TlcSettingType tlc_duration_type;
extern const TlcSettingType tlc_size_type;
extern const TlcSettingType tlc_boolean_type;
extern const TlcSettingType tlc_name_type;
extern const TlcSettingType tlc_count_type;
extern const TlcSettingType tlc_limit_type; /* a count, or none: G_MAXUINT */
extern const TlcSettingType tlc_percent_type;
extern const TlcSettingType tlc_globs_type;

struct _TlcSetting {
  const char *key;
  const TlcSettingType *type;
  const char *default_text;   /* canonical; NULL: none, it must be set */
  const char *example;        /* where there is no default */
  gint64 min, max;            /* durations in us, sizes in bytes; counts, percent */
  const char *const *choices; /* NULL-terminated; the index is the value */
  gboolean reconfigurable;    /* a running service takes it */
  gsize offset;               /* in TlcSettings */
  const char *help;
};

/* The table: every key there is, in the order of the docs. */
const TlcSetting *tlc_settings_table (guint *ret_n_settings);

const TlcSetting *tlc_setting_peek (const char *key); /* NULL: unknown */

/* The same, with TLC_ERROR_CONFIG, which names the nearest known key. @value is for it. */
const TlcSetting *tlc_setting_find (const char *key, const char *value, GError **error);

/* Parses @text into the setting's field of @settings, which is still zero. Errors read
 * `key = "value": what would be right`. */
gboolean tlc_setting_parse (const TlcSetting *setting, const char *text, TlcSettings *settings,
                            GError **error);

/* Checks @text and returns it as tlc_config_get() shows it: the one text of its value. */
char *tlc_setting_canonicalize (const TlcSetting *setting, const char *text, GError **error);

/* The text of a config's key, the default included; NULL when it has neither. */
const char *tlc_config_peek (const TlcConfig *config, const TlcSetting *setting);

/* docs/settings.md. */
char *tlc_settings_describe (void);
