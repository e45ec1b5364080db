/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over UDP (RFC 1035), as much as the system's resolver asks for: A and AAAA. */

#include "support/tlc-name-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER 12
#define TYPE_A 1
#define TYPE_AAAA 28
#define RCODE_FAILED 2
#define RCODE_UNKNOWN 3

static pthread_mutex_t tlc_name_server_lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock: */
static TlcNameAnswer tlc_name_server_answer;
static char *tlc_name_server_addresses;

static gboolean tlc_name_server_runs; /* set before there is a second thread */

gboolean
tlc_name_server_is_running (void)
{
  return tlc_name_server_runs;
}

void
tlc_name_server_set (TlcNameAnswer answer, const char *addresses)
{
  pthread_mutex_lock (&tlc_name_server_lock);
  tlc_name_server_answer = answer;
  g_free (tlc_name_server_addresses);
  tlc_name_server_addresses = g_strdup (addresses != NULL ? addresses : "");
  pthread_mutex_unlock (&tlc_name_server_lock);
}

TlcNameAnswer
tlc_name_server_get (char **ret_addresses)
{
  TlcNameAnswer answer;

  pthread_mutex_lock (&tlc_name_server_lock);
  answer = tlc_name_server_answer;
  *ret_addresses = g_strdup (tlc_name_server_addresses);
  pthread_mutex_unlock (&tlc_name_server_lock);
  return answer;
}

/* -- messages -- */

static void
tlc_name_server_put16 (GByteArray *message, guint value)
{
  const guint8 bytes[] = { (guint8) (value >> 8), (guint8) value };

  g_byte_array_append (message, bytes, sizeof bytes);
}

/* One record of the name that was asked for, at byte 12 of the message. */
static void
tlc_name_server_put_record (GByteArray *message, guint type, const void *data, guint length)
{
  tlc_name_server_put16 (message, 0xc000 | HEADER);
  tlc_name_server_put16 (message, type);
  tlc_name_server_put16 (message, 1); /* IN */
  tlc_name_server_put16 (message, 0); /* to live: not at all */
  tlc_name_server_put16 (message, 0);
  tlc_name_server_put16 (message, length);
  g_byte_array_append (message, data, length);
}

static guint
tlc_name_server_put_records (GByteArray *message, guint type, const char *addresses)
{
  g_auto (GStrv) texts = g_strsplit (addresses, " ", -1);
  guint n = 0;

  for (char **text = texts; *text != NULL; text++)
    {
      guint8 data[16];

      if (inet_pton (type == TYPE_A ? AF_INET : AF_INET6, *text, data) != 1)
        continue;
      tlc_name_server_put_record (message, type, data, type == TYPE_A ? 4 : 16);
      n++;
    }
  return n;
}

/* Where the question ends; 0: it is none. */
static gsize
tlc_name_server_get_question_end (const guint8 *question, gsize length)
{
  gsize at = HEADER;

  while (at < length && question[at] != 0)
    at += 1 + (gsize) question[at];
  return at + 5 <= length ? at + 5 : 0;
}

/* NULL: none is to be given. */
static GByteArray *
tlc_name_server_reply (const guint8 *question, gsize length)
{
  gsize end = tlc_name_server_get_question_end (question, length);
  g_autofree char *addresses = NULL;
  TlcNameAnswer answer = tlc_name_server_get (&addresses);
  GByteArray *reply;
  guint n, code = 0, type;

  if (end == 0 || answer == TLC_NAME_SILENT)
    return NULL;
  if (answer != TLC_NAME_FOUND)
    code = answer == TLC_NAME_UNKNOWN ? RCODE_UNKNOWN : RCODE_FAILED;
  reply = g_byte_array_new ();
  g_byte_array_append (reply, question, 2); /* its number */
  tlc_name_server_put16 (reply, 0x8180 | code);
  tlc_name_server_put16 (reply, 1);
  for (guint i = 0; i < 3; i++)
    tlc_name_server_put16 (reply, 0);
  g_byte_array_append (reply, question + HEADER, (guint) (end - HEADER));
  if (code != 0)
    return reply;
  type = (guint) question[end - 4] << 8 | question[end - 3];
  n = tlc_name_server_put_records (reply, type, addresses);
  reply->data[6] = (guint8) (n >> 8);
  reply->data[7] = (guint8) n;
  return reply;
}

static void *
tlc_name_server_run (void *data)
{
  int fd = GPOINTER_TO_INT (data);

  for (;;)
    {
      guint8 question[512];
      struct sockaddr_storage peer;
      socklen_t peer_length = sizeof peer;
      gssize length = recvfrom (fd, question, sizeof question, 0, (struct sockaddr *) &peer,
                                &peer_length);
      g_autoptr (GByteArray) reply
          = length > 0 ? tlc_name_server_reply (question, (gsize) length) : NULL;

      if (reply != NULL)
        sendto (fd, reply->data, reply->len, 0, (struct sockaddr *) &peer, peer_length);
    }
  return NULL;
}

/* -- a world of its own -- */

static gboolean
tlc_name_server_write (const char *path, const char *text)
{
  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL);
}

/* /proc takes each text in one write. */
static gboolean
tlc_name_server_tell_kernel (const char *path, const char *text)
{
  FILE *file = fopen (path, "w");
  gboolean is_told = file != NULL && fputs (text, file) >= 0;

  return file != NULL && fclose (file) == 0 && is_told;
}

static gboolean
tlc_name_server_raise_loopback (void)
{
  struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  gboolean is_up = fd >= 0 && ioctl (fd, SIOCSIFFLAGS, &request) == 0;

  close (fd);
  return is_up;
}

static gboolean
tlc_name_server_unshare (void)
{
  g_autofree char *users = g_strdup_printf ("0 %u 1", (guint) geteuid ());
  g_autofree char *groups = g_strdup_printf ("0 %u 1", (guint) getegid ());

  /* The loopback first: without it there are no tests, whatever else cannot be had. */
  return unshare (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0
         && tlc_name_server_raise_loopback () && tlc_name_server_tell_kernel ("/proc/self/setgroups", "deny")
         && tlc_name_server_tell_kernel ("/proc/self/uid_map", users)
         && tlc_name_server_tell_kernel ("/proc/self/gid_map", groups)
         && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* @text in the place of the file at @path, for us alone. */
static gboolean
tlc_name_server_cover (const char *path, const char *text)
{
  g_autofree char *own = g_strdup_printf ("%s/tlc-name-server-%d", g_get_tmp_dir (), getpid ());
  gboolean is_covered
      = tlc_name_server_write (own, text) && mount (own, path, NULL, MS_BIND, NULL) == 0;
  int error = errno;

  unlink (own);
  errno = error;
  return is_covered;
}

static gboolean
tlc_name_server_listen (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (53) };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  pthread_t thread;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  return fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0
         && pthread_create (&thread, NULL, tlc_name_server_run, GINT_TO_POINTER (fd)) == 0
         && pthread_detach (thread) == 0;
}

gboolean
tlc_name_server_start (guint timeout_s, char **ret_reason)
{
  g_autofree char *resolver
      = g_strdup_printf ("nameserver 127.0.0.1\noptions timeout:%u attempts:1\n", timeout_s);

  *ret_reason = NULL;
  tlc_name_server_runs = TRUE;
  if (tlc_name_server_unshare () && tlc_name_server_cover ("/etc/resolv.conf", resolver)
      && tlc_name_server_cover ("/etc/nsswitch.conf", "hosts: files dns\n")
      && tlc_name_server_listen ())
    return TRUE;
  tlc_name_server_runs = FALSE;
  *ret_reason = g_strdup_printf ("no namespaces for a name server here: %s", g_strerror (errno));
  return FALSE;
}
