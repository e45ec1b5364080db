/* SPDX-License-Identifier: Apache-2.0 */

/* A path is followed as the kernel does, name by name and through symlinks, and what could lead it
 * elsewhere is watched: each directory on the way for going away itself; and where the next name is a
 * symlink, the file, or missing, the directory's entries too. Not where it is a directory: whoever
 * replaces that moves or removes it, and /tmp is busy.
 *
 * First watched, then looked at: what changes after the look has an event. */
#include "keeper/tlc-watch-path.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/tlc-error-private.h"

#define TLC_WATCH_SELF (IN_MOVE_SELF | IN_DELETE_SELF)
#define TLC_WATCH_ENTRIES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define TLC_WATCH_FILE (TLC_WATCH_ENTRIES | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB)

typedef struct {
  int wd;
  char *path;
  guint32 mask;     /* the kernel's */
  guint32 wanted;   /* by this walk; 0: not on the way any more */
  GPtrArray *names; /* whose entries concern us */
} TlcWatchDirectory;

struct _TlcWatchPath {
  char *path;
  int fd;
  GPtrArray *directories; /* of TlcWatchDirectory */
};

typedef enum { TLC_WALK_DONE, TLC_WALK_ON, TLC_WALK_RACED, TLC_WALK_FAILED } TlcWalkStep;

/* Where a walk is: in @directory, an absolute path without symlinks, with @rest to go. */
typedef struct {
  TlcWatchPath *self;
  GString *directory;
  GString *rest;
  guint n_links;
  GError **error;
} TlcWalk;

static void
tlc_watch_directory_free (gpointer data)
{
  TlcWatchDirectory *directory = data;

  g_free (directory->path);
  g_ptr_array_unref (directory->names);
  g_free (directory);
}

TlcWatchPath *
tlc_watch_path_new (const char *path, GError **error)
{
  int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  TlcWatchPath *self;

  if (fd < 0)
    {
      tlc_error_set (error, TLC_ERROR_EXHAUSTED, TLC_DELIVERY_NOT_SENT,
                     "%s is not watched: inotify_init1: %s (of fs.inotify.max_user_instances, or of "
                     "files that may be open, all are taken)",
                     path, g_strerror (errno));
      return NULL;
    }
  self = g_new0 (TlcWatchPath, 1);
  self->path = g_strdup (path);
  self->fd = fd;
  self->directories = g_ptr_array_new_with_free_func (tlc_watch_directory_free);
  return self;
}

void
tlc_watch_path_free (TlcWatchPath *self)
{
  if (self == NULL)
    return;
  if (self->fd >= 0)
    close (self->fd);
  g_ptr_array_unref (self->directories);
  g_free (self->path);
  g_free (self);
}

int
tlc_watch_path_get_fd (const TlcWatchPath *self)
{
  return self->fd;
}

void
tlc_watch_path_after_fork_child (TlcWatchPath *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

/* --- the walk --- */

static TlcWatchDirectory *
tlc_watch_path_find (TlcWatchPath *self, int wd)
{
  for (guint i = 0; i < self->directories->len; i++)
    {
      TlcWatchDirectory *directory = self->directories->pdata[i];

      if (directory->wd == wd)
        return directory;
    }
  return NULL;
}

static TlcWatchDirectory *
tlc_watch_path_ensure (TlcWatchPath *self, int wd)
{
  TlcWatchDirectory *directory = tlc_watch_path_find (self, wd);

  if (directory == NULL)
    {
      directory = g_new0 (TlcWatchDirectory, 1);
      directory->wd = wd;
      directory->names = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (self->directories, directory);
    }
  return directory;
}

static TlcWalkStep
tlc_walk_fail (TlcWalk *walk, const char *path, int status)
{
  if (status == ENOENT || status == ENOTDIR || status == ELOOP)
    return TLC_WALK_RACED;
  tlc_error_set (walk->error,
                 status == ENOSPC || status == ENOMEM ? TLC_ERROR_EXHAUSTED : TLC_ERROR_CONFIG,
                 TLC_DELIVERY_NOT_SENT, "%s is not watched: inotify_add_watch %s: %s%s",
                 walk->self->path, path, g_strerror (status),
                 status == ENOSPC ? " (all of fs.inotify.max_user_watches are taken)" : "");
  return TLC_WALK_FAILED;
}

/* Watches @path for @mask, and where @name is given its entry of that name. */
static TlcWalkStep
tlc_walk_watch (TlcWalk *walk, const char *path, guint32 mask, const char *name)
{
  int wd = inotify_add_watch (walk->self->fd, path,
                              mask | IN_MASK_ADD | IN_ONLYDIR | IN_DONT_FOLLOW);
  TlcWatchDirectory *directory;

  /* A directory that we may pass and not read: it is taken for one that stays. */
  if (wd < 0 && errno == EACCES && (name == NULL || !g_str_equal (path, walk->directory->str)))
    return TLC_WALK_ON;
  if (wd < 0)
    return tlc_walk_fail (walk, path, errno);
  directory = tlc_watch_path_ensure (walk->self, wd);
  if (g_strcmp0 (directory->path, path) != 0)
    {
      g_free (directory->path);
      directory->path = g_strdup (path);
    }
  directory->mask |= mask;
  directory->wanted |= mask;
  if (name != NULL)
    g_ptr_array_add (directory->names, g_strdup (name));
  return TLC_WALK_ON;
}

/* The next name of the rest; NULL: none. */
static char *
tlc_walk_take_name (TlcWalk *walk)
{
  gsize start = strspn (walk->rest->str, "/");
  gsize length = strcspn (walk->rest->str + start, "/");
  char *name = length > 0 ? g_strndup (walk->rest->str + start, length) : NULL;

  g_string_erase (walk->rest, 0, (gssize) (start + length));
  return name;
}

static gboolean
tlc_walk_is_at_end (const TlcWalk *walk)
{
  return walk->rest->str[strspn (walk->rest->str, "/")] == '\0';
}

static TlcWalkStep
tlc_walk_follow (TlcWalk *walk, const char *link)
{
  char target[4096];
  ssize_t length = readlink (link, target, sizeof target);

  if (length < 0 || length == sizeof target)
    return TLC_WALK_RACED;
  if (++walk->n_links > TLC_WATCH_MAX_LINKS)
    return TLC_WALK_DONE; /* it has no end: as good as missing */
  if (target[0] == '/')
    g_string_assign (walk->directory, "/");
  g_string_prepend_c (walk->rest, '/');
  g_string_prepend_len (walk->rest, target, length);
  return TLC_WALK_ON;
}

/* Whoever has a missing name's directory open keeps its removal from us: its parent tells. */
static TlcWalkStep
tlc_walk_miss (TlcWalk *walk)
{
  g_autofree char *parent = g_path_get_dirname (walk->directory->str);
  g_autofree char *name = g_path_get_basename (walk->directory->str);
  TlcWalkStep step = TLC_WALK_ON;

  if (!g_str_equal (walk->directory->str, "/"))
    step = tlc_walk_watch (walk, parent, TLC_WATCH_ENTRIES, name);
  return step == TLC_WALK_ON ? TLC_WALK_DONE : step;
}

/* @name is no directory, or the last: its entry decides. */
static TlcWalkStep
tlc_walk_decide (TlcWalk *walk, const char *path, const char *name)
{
  gboolean is_last = tlc_walk_is_at_end (walk);
  TlcWalkStep step = tlc_walk_watch (walk, walk->directory->str,
                                     is_last ? TLC_WATCH_FILE : TLC_WATCH_ENTRIES, name);
  struct stat status;

  if (step != TLC_WALK_ON)
    return step;
  if (lstat (path, &status) != 0)
    return tlc_walk_miss (walk);
  if (S_ISLNK (status.st_mode))
    return tlc_walk_follow (walk, path);
  return S_ISDIR (status.st_mode) && !is_last ? TLC_WALK_RACED : TLC_WALK_DONE;
}

static TlcWalkStep
tlc_walk_step (TlcWalk *walk)
{
  g_autofree char *name = tlc_walk_take_name (walk);
  g_autofree char *path = NULL;
  struct stat status;
  TlcWalkStep step;

  if (name == NULL)
    return TLC_WALK_DONE;
  step = tlc_walk_watch (walk, walk->directory->str, TLC_WATCH_SELF, NULL);
  if (step != TLC_WALK_ON || g_str_equal (name, "."))
    return step;
  path = g_str_equal (name, "..") ? g_path_get_dirname (walk->directory->str)
                                  : g_build_filename (walk->directory->str, name, NULL);
  if (g_str_equal (name, "..")
      || (lstat (path, &status) == 0 && S_ISDIR (status.st_mode) && !tlc_walk_is_at_end (walk)))
    {
      g_string_assign (walk->directory, path);
      return TLC_WALK_ON;
    }
  return tlc_walk_decide (walk, path, name);
}

static TlcWalkStep
tlc_watch_path_walk_once (TlcWatchPath *self, GError **error)
{
  g_autoptr (GString) directory = g_string_new ("/");
  g_autoptr (GString) rest = g_string_new (self->path);
  TlcWalk walk = { self, directory, rest, 0, error };
  TlcWalkStep step;

  for (guint i = 0; i < self->directories->len; i++)
    {
      TlcWatchDirectory *known = self->directories->pdata[i];

      known->wanted = 0;
      g_ptr_array_set_size (known->names, 0);
    }
  do
    step = tlc_walk_step (&walk);
  while (step == TLC_WALK_ON);
  return step;
}

/* What is not on the way any more, or not for so much. */
static void
tlc_watch_path_drop_unwanted (TlcWatchPath *self)
{
  for (guint i = self->directories->len; i-- > 0;)
    {
      TlcWatchDirectory *directory = self->directories->pdata[i];

      if (directory->wanted == 0)
        {
          inotify_rm_watch (self->fd, directory->wd);
          g_ptr_array_remove_index_fast (self->directories, i);
        }
      else if (directory->wanted != directory->mask)
        {
          int wd = inotify_add_watch (self->fd, directory->path,
                                      directory->wanted | IN_ONLYDIR | IN_DONT_FOLLOW);

          if (wd == directory->wd)
            directory->mask = directory->wanted;
          else if (wd >= 0 && tlc_watch_path_find (self, wd) == NULL)
            inotify_rm_watch (self->fd, wd); /* another by now, of which an event tells */
        }
    }
}

gboolean
tlc_watch_path_walk (TlcWatchPath *self, GError **error)
{
  for (guint i = 0; i < TLC_WATCH_MAX_WALKS; i++)
    switch (tlc_watch_path_walk_once (self, error))
      {
      case TLC_WALK_DONE:
        tlc_watch_path_drop_unwanted (self);
        return TRUE;
      case TLC_WALK_FAILED:
        return FALSE;
      default:
        break;
      }
  tlc_error_set (error, TLC_ERROR_UNAVAILABLE, TLC_DELIVERY_NOT_SENT,
                 "%s is not watched: the directories on the way to it keep changing", self->path);
  return FALSE;
}

/* --- events --- */

static gboolean
tlc_watch_directory_concerns (const TlcWatchDirectory *directory, const char *name)
{
  for (guint i = 0; i < directory->names->len; i++)
    if (g_str_equal (directory->names->pdata[i], name))
      return TRUE;
  return FALSE;
}

/* A symlink is whole when it is there; a file or a directory is about to be filled. */
static TlcWatchTouch
tlc_watch_directory_look (const TlcWatchDirectory *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory->path, name, NULL);
  struct stat status;

  return lstat (path, &status) == 0 && S_ISLNK (status.st_mode) ? TLC_WATCH_WHOLE : TLC_WATCH_OPEN;
}

/* TRUE: it is about the path. */
static gboolean
tlc_watch_path_note (TlcWatchPath *self, const struct inotify_event *event, TlcWatchTouch *touch,
                     gboolean *is_stale)
{
  TlcWatchDirectory *directory = tlc_watch_path_find (self, event->wd);

  if ((event->mask & IN_Q_OVERFLOW) != 0)
    *touch = TLC_WATCH_OPEN; /* who knows */
  else if (directory == NULL)
    return FALSE;
  else if ((event->mask & IN_IGNORED) != 0)
    g_ptr_array_remove_fast (self->directories, directory);
  else if (event->len > 0 && !tlc_watch_directory_concerns (directory, event->name))
    return FALSE;
  else if ((event->mask & IN_MOVED_TO) != 0)
    *touch = TLC_WATCH_WHOLE;
  else if ((event->mask & IN_CREATE) != 0)
    *touch = tlc_watch_directory_look (directory, event->name);
  else if ((event->mask & IN_MODIFY) != 0)
    *touch = TLC_WATCH_OPEN;
  else if ((event->mask & IN_CLOSE_WRITE) != 0)
    *touch = TLC_WATCH_CLOSED;
  else if ((event->mask & IN_ATTRIB) != 0 && *touch == TLC_WATCH_SETTLED)
    *touch = TLC_WATCH_CLOSED;
  if ((event->mask & (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)) == 0)
    *is_stale = TRUE;
  return TRUE;
}

gboolean
tlc_watch_path_read (TlcWatchPath *self, TlcWatchTouch *touch, gboolean *ret_is_stale)
{
  _Alignas (struct inotify_event) char buffer[4096];
  gboolean has_seen = FALSE;
  ssize_t length;

  *ret_is_stale = FALSE;
  for (guint i = 0; i < TLC_WATCH_MAX_READS; i++)
    {
      length = read (self->fd, buffer, sizeof buffer);
      if (length <= 0)
        break;
      for (const char *at = buffer; at < buffer + length;)
        {
          const struct inotify_event *event = (const struct inotify_event *) (const void *) at;

          if (tlc_watch_path_note (self, event, touch, ret_is_stale))
            has_seen = TRUE;
          at += sizeof *event + event->len;
        }
    }
  return has_seen;
}
