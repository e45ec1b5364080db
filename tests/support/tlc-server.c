/* SPDX-License-Identifier: Apache-2.0
 *
 * A child process with its stdin and stdout on pipes: it says READY on the one, and ends when the
 * other is closed, so it cannot outlive a test that crashes.
 *
 * posix_spawn, since callers have threads; pipes are born close-on-exec, so that servers started
 * beside each other do not hold each other's ends. A caller that forks without exec does hold them:
 * its child keeps the server alive, hence the bound in tlc_server_stop(). The end of the process is
 * seen as EOF on its stdout, which needs no signal handler and takes nobody's child.
 *
 * Threads: a TlcServer belongs to one thread at a time; different ones are independent.
 */
#include "tlc-server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TLC_SERVER_READY_S 30
#define TLC_SERVER_STOP_S 10
#define TLC_SERVER_LINE_MAX 512

extern char **environ;

struct _TlcServer
{
  char *command;
  char *endpoint;
  pid_t pid; /* 0: not started */
  int in;    /* what it reads; -1: closed */
  int out;   /* what it writes */
  gboolean killed;
};

typedef struct
{
  const char *command_variable;
  const char *gen_variable; /* NULL: none */
} TlcServerPlace;

static const TlcServerPlace tlc_server_places[] = {
  [TLC_SERVER_CPP] = { "TLC_SERVER_CPP", NULL },
  [TLC_SERVER_PYTHON] = { "TLC_SERVER_PY", "TLC_GEN_PY" },
  [TLC_SERVER_C] = { "TLC_SERVER_C", NULL },
  [TLC_SERVER_GO] = { "TLC_SERVER_GO", NULL },
  [TLC_SERVER_RUBY] = { "TLC_SERVER_RB", "TLC_GEN_RB" },
  [TLC_SERVER_PERL] = { "TLC_SERVER_PL", "TLC_GEN_PL" },
};

G_DEFINE_QUARK (tlc-server-error-quark, tlc_server_error)

static void
tlc_server_clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static const char *
tlc_server_find (const char *variable, GError **error)
{
  const char *value = g_getenv (variable);

  if (value == NULL || *value == '\0')
    {
      g_set_error (error, TLC_SERVER_ERROR, TLC_SERVER_ERROR_MISSING,
                   "%s is not set: the server was not built", variable);
      return NULL;
    }
  return value;
}

/* Returns: (transfer full): the command line, NULL with an error */
static GPtrArray *
tlc_server_build_argv (TlcServerKind kind, const char *const *extra_args, GError **error)
{
  const TlcServerPlace *place = &tlc_server_places[kind];
  const char *command = tlc_server_find (place->command_variable, error);
  const char *gen = NULL;
  GPtrArray *argv;

  if (command == NULL)
    return NULL;
  if (place->gen_variable != NULL && (gen = tlc_server_find (place->gen_variable, error)) == NULL)
    return NULL;

  argv = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (argv, g_strdup (command));
  if (gen != NULL)
    {
      g_ptr_array_add (argv, g_strdup ("--gen"));
      g_ptr_array_add (argv, g_strdup (gen));
    }
  for (; extra_args != NULL && *extra_args != NULL; extra_args++)
    g_ptr_array_add (argv, g_strdup (*extra_args));
  g_ptr_array_add (argv, NULL);
  return argv;
}

/* The child gets @in and @out as stdin and stdout, no other descriptor of ours, no blocked signal
 * and no ignored one. Returns: 0 or an errno */
static int
tlc_server_spawn (TlcServer *self, char **argv, int in, int out)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none, all;
  int rc;

  sigemptyset (&none);
  sigfillset (&all);
  posix_spawnattr_init (&attr);
  posix_spawnattr_setflags (&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask (&attr, &none);
  posix_spawnattr_setsigdefault (&attr, &all);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, out, STDOUT_FILENO);

  rc = posix_spawn (&self->pid, argv[0], &actions, &attr, argv, environ);
  if (rc != 0)
    self->pid = 0;

  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attr);
  return rc;
}

/* A pipe whose ends are above stderr: dup2 in the child must not overwrite one with the other. */
static gboolean
tlc_server_pipe (int ret_fds[2])
{
  int low[2];

  if (pipe2 (low, O_CLOEXEC) != 0)
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      ret_fds[i] = fcntl (low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      close (low[i]);
    }
  if (ret_fds[0] >= 0 && ret_fds[1] >= 0)
    return TRUE;
  tlc_server_clear_fd (&ret_fds[0]);
  tlc_server_clear_fd (&ret_fds[1]);
  return FALSE;
}

static gboolean
tlc_server_launch (TlcServer *self, char **argv, GError **error)
{
  int in[2] = { -1, -1 };
  int out[2] = { -1, -1 };
  int rc;

  if (!tlc_server_pipe (in) || !tlc_server_pipe (out))
    rc = errno;
  else
    rc = tlc_server_spawn (self, argv, in[0], out[1]);
  tlc_server_clear_fd (&in[0]);
  tlc_server_clear_fd (&out[1]);
  self->in = in[1];
  self->out = out[0];
  if (rc != 0)
    g_set_error (error, TLC_SERVER_ERROR, TLC_SERVER_ERROR_FAILED, "%s: %s", argv[0],
                 g_strerror (rc));
  return rc == 0;
}

/* Returns: what read(2) says; -1 with ETIMEDOUT once @until (monotonic, microseconds) has passed */
static ssize_t
tlc_server_read (TlcServer *self, char *buffer, gsize size, gint64 until)
{
  for (;;)
    {
      struct pollfd fd = { .fd = self->out, .events = POLLIN };
      gint64 left_ms = (until - g_get_monotonic_time () + 999) / 1000;
      int rc = poll (&fd, 1, (int) MAX (left_ms, 0));
      ssize_t got = rc > 0 ? read (self->out, buffer, size) : -1;

      if (rc == 0)
        {
          errno = ETIMEDOUT;
          return -1;
        }
      if (got >= 0 || errno != EINTR)
        return got;
    }
}

static gboolean
tlc_server_wait_ready (TlcServer *self, GError **error)
{
  gint64 until = g_get_monotonic_time () + TLC_SERVER_READY_S * G_USEC_PER_SEC;
  char line[TLC_SERVER_LINE_MAX];
  gsize length = 0;
  char *end = NULL;

  while (end == NULL && length < sizeof line - 1)
    {
      ssize_t got = tlc_server_read (self, line + length, sizeof line - 1 - length, until);

      if (got <= 0)
        {
          g_set_error (error, TLC_SERVER_ERROR, TLC_SERVER_ERROR_FAILED,
                       "%s does not get ready: %s", self->command,
                       got == 0 ? "it ended" : g_strerror (errno));
          return FALSE;
        }
      length += (gsize) got;
      line[length] = '\0';
      end = strchr (line, '\n');
    }
  if (end == NULL || !g_str_has_prefix (line, "READY "))
    {
      g_set_error (error, TLC_SERVER_ERROR, TLC_SERVER_ERROR_FAILED,
                   "%s says something else than READY: %s", self->command, line);
      return FALSE;
    }
  *end = '\0';
  self->endpoint = g_strdup (line + strlen ("READY "));
  return TRUE;
}

TlcServer *
tlc_server_start (TlcServerKind kind, const char *const *extra_args, GError **error)
{
  g_autoptr (GPtrArray) argv = tlc_server_build_argv (kind, extra_args, error);
  g_autoptr (TlcServer) self = NULL;

  if (argv == NULL)
    return NULL;
  self = g_new0 (TlcServer, 1);
  self->command = g_strdup (g_ptr_array_index (argv, 0));
  self->in = self->out = -1;
  if (!tlc_server_launch (self, (char **) argv->pdata, error))
    return NULL;
  if (!tlc_server_wait_ready (self, error))
    {
      tlc_server_kill (self, SIGKILL); /* the error has been told; let nobody wait for it */
      return NULL;
    }
  return g_steal_pointer (&self);
}

const char *
tlc_server_get_endpoint (TlcServer *self)
{
  return self->endpoint;
}

pid_t
tlc_server_get_pid (TlcServer *self)
{
  return self->pid;
}

void
tlc_server_kill (TlcServer *self, int signal)
{
  self->killed |= signal != SIGSTOP && signal != SIGCONT;
  kill (self->pid, signal);
}

/* Waits for EOF on its stdout: no more can come once it has ended. */
static gboolean
tlc_server_wait_end (TlcServer *self)
{
  gint64 until = g_get_monotonic_time () + TLC_SERVER_STOP_S * G_USEC_PER_SEC;
  char ignored[TLC_SERVER_LINE_MAX];
  ssize_t got;

  while ((got = tlc_server_read (self, ignored, sizeof ignored, until)) > 0)
    continue;
  return got == 0;
}

static void
tlc_server_reap (TlcServer *self)
{
  int status = 0;

  if (!tlc_server_wait_end (self))
    {
      g_printerr ("%s (pid %d) does not end, SIGKILL\n", self->command, (int) self->pid);
      tlc_server_kill (self, SIGKILL);
    }
  while (waitpid (self->pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (!self->killed && WIFSIGNALED (status))
    g_printerr ("%s died of signal %d\n", self->command, WTERMSIG (status));
  else if (!self->killed && WEXITSTATUS (status) != 0)
    g_printerr ("%s ended with status %d\n", self->command, WEXITSTATUS (status));
}

void
tlc_server_stop (TlcServer *self)
{
  if (self == NULL)
    return;
  tlc_server_clear_fd (&self->in);
  if (self->pid > 0)
    tlc_server_reap (self);
  tlc_server_clear_fd (&self->out);
  g_free (self->endpoint);
  g_free (self->command);
  g_free (self);
}
