/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "model/tlc-settings.h"

/* A file of services: a group for each, and [defaults], whose keys hold for every service that does not set
 * them. Immutable once it is read; reference-counted, any thread. */
typedef struct {
  char *name;
  guint line;        /* of its group */
  TlcConfig *config; /* whole, the defaults included; good */
  guint n_addresses; /* how many of the file's are its own, behind those of the services before it */
} TlcFileService;

typedef struct {
  atomic_int ref_count;
  char *name; /* as messages say it: a path, or "text" */
  char *text;
  gsize length;
  GPtrArray *services;  /* of TlcFileService, in the order of the file, at least one */
  GPtrArray *addresses; /* of TlcAddress: those of all services */
} TlcServicesFile;

#define TLC_SERVICES_FILE_SIZE_MAX (1024 * 1024)
#define TLC_SERVICES_FILE_DEFAULTS "defaults"

/* The whole of the file at @path, or why not: TLC_ERROR_CONFIG. *@ret_is_missing, nullable, says whether there
 * is none. Does not block, whatever is there. */
char *tlc_services_file_read (const char *path, gsize *ret_length, gboolean *ret_is_missing,
                              GError **error);
/* TLC_ERROR_CONFIG with all mistakes. @text is copied. */
TlcServicesFile *tlc_services_file_parse (const char *name, const char *text, gsize length,
                                          GError **error);
/* Both. */
TlcServicesFile *tlc_services_file_load (const char *path, GError **error);
TlcServicesFile *tlc_services_file_ref (TlcServicesFile *file);
void tlc_services_file_unref (TlcServicesFile *file);
/* NULL: it has no such service. */
const TlcFileService *tlc_services_file_find (const TlcServicesFile *file, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcServicesFile, tlc_services_file_unref)
