/* SPDX-License-Identifier: Apache-2.0
 *
 * echo.thrift served by stock c_glib: generated processor, stock transports and protocols; the
 * accept loop is ours (echo-loop.c), since c_glib ships only a server of one connection.
 * What the command line, READY line and end of the servers are: README.md beside this file.
 *
 * The main thread prepares the types, starts the loop and waits for the end: EOF on stdin, or
 * SIGTERM, which is blocked in every thread and read from a signalfd.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib-object.h>

#include "echo-handler.h"
#include "echo-loop.h"
#include "echo-prepare.h"

typedef struct
{
  const char *name;
  guint delay_us;
  EchoLoopOptions loop;
} EchoServerOptions;

static _Noreturn void
echo_server_usage (const char *program)
{
  fprintf (stderr,
           "usage: %s [--name NAME] [--transport framed|buffered] [--protocol binary|compact]"
           " [--multiplexed NAME] [--delay-us N] [--listen tcp|unix:PATH]"
           " [--accept-delay-ms N] [--number-connections] [--tally FILE]\n",
           program);
  exit (2);
}

static guint
echo_server_parse_number (const char *program, const char *text)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &number, NULL))
    echo_server_usage (program);
  return (guint) number;
}

/* TRUE for @second, FALSE for @first */
static gboolean
echo_server_parse_choice (const char *program, const char *text, const char *first,
                          const char *second)
{
  if (strcmp (text, first) != 0 && strcmp (text, second) != 0)
    echo_server_usage (program);
  return strcmp (text, second) == 0;
}

static const char *
echo_server_parse_listen (const char *program, const char *text)
{
  if (strcmp (text, "tcp") == 0)
    return NULL;
  if (!g_str_has_prefix (text, "unix:") || text[strlen ("unix:")] == '\0')
    echo_server_usage (program);
  return text + strlen ("unix:");
}

static EchoServerOptions
echo_server_parse (int argc, char **argv)
{
  static const struct option table[] = {
    { "name", required_argument, NULL, 'n' },
    { "transport", required_argument, NULL, 't' },
    { "protocol", required_argument, NULL, 'p' },
    { "multiplexed", required_argument, NULL, 'm' },
    { "delay-us", required_argument, NULL, 'd' },
    { "listen", required_argument, NULL, 'l' },
    { "accept-delay-ms", required_argument, NULL, 'a' },
    { "number-connections", no_argument, NULL, 'c' },
    { "tally", required_argument, NULL, 'y' },
    { NULL, 0, NULL, 0 },
  };
  EchoServerOptions options = { .name = "c" };
  EchoLoopOptions *loop = &options.loop;
  const char *program = argv[0];
  int opt;

  while ((opt = getopt_long (argc, argv, "", table, NULL)) != -1)
    switch (opt)
      {
      case 'n':
        options.name = optarg;
        break;
      case 't':
        loop->buffered = echo_server_parse_choice (program, optarg, "framed", "buffered");
        break;
      case 'p':
        loop->compact = echo_server_parse_choice (program, optarg, "binary", "compact");
        break;
      case 'm':
        loop->multiplexed_name = optarg;
        break;
      case 'd':
        options.delay_us = echo_server_parse_number (program, optarg);
        break;
      case 'l':
        loop->unix_path = echo_server_parse_listen (program, optarg);
        break;
      case 'a':
        loop->accept_delay_ms = echo_server_parse_number (program, optarg);
        break;
      case 'c':
        loop->number_connections = TRUE;
        break;
      case 'y':
        loop->tally = echo_tally_map (optarg);
        if (loop->tally == NULL)
          echo_server_usage (program);
        break;
      default:
        echo_server_usage (program);
      }
  if (optind != argc)
    echo_server_usage (program);
  return options;
}

/* before any thread: they inherit mask and timer slack */
static int
echo_server_prepare_process (void)
{
  struct rlimit files;
  sigset_t mask;

  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&mask);
  sigaddset (&mask, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &mask, NULL);

  prctl (PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); /* --delay-us means it */
  if (getrlimit (RLIMIT_NOFILE, &files) == 0)
    {
      files.rlim_cur = files.rlim_max;
      setrlimit (RLIMIT_NOFILE, &files);
    }
  return signalfd (-1, &mask, SFD_CLOEXEC);
}

/* returns on EOF on stdin and on SIGTERM */
static void
echo_server_wait_for_end (int signals)
{
  struct pollfd fds[] = {
    { .fd = STDIN_FILENO, .events = POLLIN },
    { .fd = signals, .events = POLLIN },
  };
  char buffer[256];

  for (;;)
    {
      if (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
        continue;
      if (fds[1].revents != 0)
        return;
      if (fds[0].revents != 0 && read (STDIN_FILENO, buffer, sizeof buffer) <= 0)
        return;
    }
}

int
main (int argc, char **argv)
{
  const EchoServerOptions options = echo_server_parse (argc, argv);
  int signals = echo_server_prepare_process ();
  g_autoptr (GError) error = NULL;
  EchoServerHandler *handler;
  EchoProcessor *processor;
  EchoLoop *loop;

  echo_server_prepare_types ();
  handler = echo_server_handler_new (options.name, options.delay_us);
  processor = g_object_new (TYPE_ECHO_PROCESSOR, "handler", handler, NULL);
  loop = echo_loop_new (&options.loop, processor, &error);
  if (loop == NULL || !echo_loop_start (loop, &error))
    {
      fprintf (stderr, "echo-server-c: %s\n", error->message);
      return 1;
    }
  printf ("READY %s\n", echo_loop_get_address (loop));
  fflush (stdout);

  echo_server_wait_for_end (signals);
  if (!echo_loop_stop (loop))
    _exit (0); /* calls are in progress: do not wait for them */
  g_object_unref (processor);
  g_object_unref (handler);
  close (signals);
  return 0;
}
