/* SPDX-License-Identifier: Apache-2.0 */
/* A program's own getaddrinfo(): where tlc-name-server could not be started, it gives the answers
 * that one would have led to; else it asks the system's. */

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "support/tlc-name-server.h"

static struct addrinfo *
make_info (const char *text)
{
  struct addrinfo *info = g_malloc0 (sizeof *info + sizeof (struct sockaddr_in6));
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) (info + 1);
  struct sockaddr_in *in4 = (struct sockaddr_in *) (info + 1);

  info->ai_addr = (struct sockaddr *) in6;
  if (inet_pton (AF_INET, text, &in4->sin_addr) == 1)
    {
      info->ai_family = in4->sin_family = AF_INET;
      info->ai_addrlen = sizeof *in4;
    }
  else
    {
      g_assert (inet_pton (AF_INET6, text, &in6->sin6_addr) == 1);
      info->ai_family = in6->sin6_family = AF_INET6;
      info->ai_addrlen = sizeof *in6;
    }
  return info;
}

static int
answer_without_server (struct addrinfo **ret_infos)
{
  g_autofree char *addresses = NULL;
  TlcNameAnswer answer = tlc_name_server_get (&addresses);
  g_auto (GStrv) texts = g_strsplit (addresses, " ", -1);

  if (answer == TLC_NAME_SILENT)
    for (;;)
      pause ();
  if (answer != TLC_NAME_FOUND || *addresses == '\0')
    return answer == TLC_NAME_FAILED ? EAI_AGAIN : EAI_NONAME;
  *ret_infos = NULL;
  for (char **text = texts; *text != NULL; text++)
    {
      struct addrinfo **last = ret_infos;

      while (*last != NULL)
        last = &(*last)->ai_next;
      *last = make_info (*text);
    }
  return 0;
}

int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
             struct addrinfo **ret_infos)
{
  if (!tlc_name_server_is_running ())
    return answer_without_server (ret_infos);
  return ((__typeof__ (&getaddrinfo)) dlsym (RTLD_NEXT, "getaddrinfo")) (name, service, hints,
                                                                         ret_infos);
}

void
freeaddrinfo (struct addrinfo *infos)
{
  if (tlc_name_server_is_running ())
    {
      ((__typeof__ (&freeaddrinfo)) dlsym (RTLD_NEXT, "freeaddrinfo")) (infos);
      return;
    }
  while (infos != NULL)
    {
      struct addrinfo *next = infos->ai_next;

      g_free (infos);
      infos = next;
    }
}
