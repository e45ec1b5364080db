/* SPDX-License-Identifier: Apache-2.0 */

/* Waiting for a socket, to the microsecond. */
#include "connect/tlc-wait.h"

#include <errno.h>
#include <poll.h>

#include "model/tlc-clock.h"

int
tlc_wait (int fd, short events, gint64 deadline_us)
{
  struct pollfd pollfd = { .fd = fd, .events = events };

  for (;;)
    {
      gint64 left_us = deadline_us - tlc_clock_now_us ();
      struct timespec left = { left_us / G_USEC_PER_SEC, (left_us % G_USEC_PER_SEC) * 1000 };
      int n;

      if (left_us <= 0)
        return 0;
      n = ppoll (&pollfd, 1, &left, NULL); /* which leaves a negative fd out */
      if (n > 0)
        return 1;
      if (n < 0 && errno != EINTR)
        return -1;
    }
}
