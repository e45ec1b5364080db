/* SPDX-License-Identifier: Apache-2.0 */

/* The way of a path through directories and symbolic links, as the kernel goes it. */
#include "keeper/tlc-watch-path.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many links as the kernel follows. */
#define TLC_WATCH_PATH_LINKS_MAX 40
#define TLC_WATCH_PATH_LINK_SIZE 4096

typedef struct {
  TlcWatchPath *path;
  GString *trace;
  char *directory;  /* where it is, without links */
  GPtrArray *ahead; /* of char *, the next name last */
  guint n_links;
} TlcWatchWalk;

static void
tlc_watch_place_free (gpointer data)
{
  TlcWatchPlace *place = data;

  g_free (place->directory);
  g_ptr_array_unref (place->names);
  g_free (place);
}

gboolean
tlc_watch_place_depends_on (const TlcWatchPlace *place, const char *name)
{
  for (guint i = 0; i < place->names->len; i++)
    if (g_str_equal (place->names->pdata[i], name))
      return TRUE;
  return FALSE;
}

static TlcWatchPlace *
tlc_watch_walk_get_place (TlcWatchWalk *walk)
{
  TlcWatchPlace *place = g_hash_table_lookup (walk->path->places, walk->directory);

  if (place != NULL)
    return place;
  place = g_new0 (TlcWatchPlace, 1);
  place->directory = g_strdup (walk->directory);
  place->names = g_ptr_array_new_with_free_func (g_free);
  g_hash_table_insert (walk->path->places, place->directory, place);
  return place;
}

static void
tlc_watch_walk_depend (TlcWatchWalk *walk, const char *name, gboolean is_file)
{
  TlcWatchPlace *place = tlc_watch_walk_get_place (walk);

  place->has_file |= is_file;
  if (!tlc_watch_place_depends_on (place, name))
    g_ptr_array_add (place->names, g_strdup (name));
}

/* The names of @path are the next to be gone. */
static void
tlc_watch_walk_put_ahead (TlcWatchWalk *walk, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);

  if (*path == '/')
    {
      g_free (walk->directory);
      walk->directory = g_strdup ("/");
    }
  for (guint i = g_strv_length (names); i > 0; i--)
    if (*names[i - 1] != '\0' && !g_str_equal (names[i - 1], "."))
      g_ptr_array_add (walk->ahead, g_strdup (names[i - 1]));
}

static void
tlc_watch_walk_enter (TlcWatchWalk *walk, char *directory)
{
  g_free (walk->directory);
  walk->directory = directory;
}

/* FALSE: there is no way on. */
static gboolean
tlc_watch_walk_follow (TlcWatchWalk *walk, const char *link)
{
  char target[TLC_WATCH_PATH_LINK_SIZE];
  gssize length = readlink (link, target, sizeof target - 1);

  if (length <= 0 || ++walk->n_links > TLC_WATCH_PATH_LINKS_MAX)
    return FALSE;
  target[length] = '\0';
  g_string_append_printf (walk->trace, ">%s", target);
  tlc_watch_walk_put_ahead (walk, target);
  return TRUE;
}

/* One name further. FALSE: there is no way on, or it is the end. */
static gboolean
tlc_watch_walk_step (TlcWatchWalk *walk)
{
  g_autofree char *name = g_ptr_array_steal_index (walk->ahead, walk->ahead->len - 1);
  g_autofree char *at = NULL;
  gboolean is_last = walk->ahead->len == 0;
  struct stat status;

  if (g_str_equal (name, ".."))
    {
      tlc_watch_walk_enter (walk, g_path_get_dirname (walk->directory));
      return TRUE;
    }
  tlc_watch_walk_get_place (walk);
  at = g_build_filename (walk->directory, name, NULL);
  if (lstat (at, &status) != 0)
    {
      g_string_append_printf (walk->trace, "/%s:missing", name);
      tlc_watch_walk_depend (walk, name, is_last);
      return FALSE;
    }
  g_string_append_printf (walk->trace, "/%s:%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, name,
                          (guint64) status.st_dev, (guint64) status.st_ino);
  if (S_ISLNK (status.st_mode))
    {
      tlc_watch_walk_depend (walk, name, FALSE);
      return tlc_watch_walk_follow (walk, at);
    }
  if (is_last || !S_ISDIR (status.st_mode))
    {
      tlc_watch_walk_depend (walk, name, is_last);
      walk->path->is_found = is_last;
      return FALSE;
    }
  tlc_watch_walk_enter (walk, g_steal_pointer (&at));
  return TRUE;
}

TlcWatchPath *
tlc_watch_path_walk (const char *path)
{
  TlcWatchWalk walk = { .path = g_new0 (TlcWatchPath, 1), .trace = g_string_new (NULL) };

  walk.path->places = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, tlc_watch_place_free);
  walk.ahead = g_ptr_array_new_with_free_func (g_free);
  tlc_watch_walk_put_ahead (&walk, path);
  while (walk.ahead->len > 0 && tlc_watch_walk_step (&walk))
    ;
  walk.path->trace = g_string_free (walk.trace, FALSE);
  g_ptr_array_unref (walk.ahead);
  g_free (walk.directory);
  return walk.path;
}

void
tlc_watch_path_free (TlcWatchPath *path)
{
  if (path == NULL)
    return;
  g_hash_table_unref (path->places);
  g_free (path->trace);
  g_free (path);
}
