/* SPDX-License-Identifier: Apache-2.0 */

/* Reading the root, and what a connection leads to, while both may be freed. Where endpoints are
 * not reclaimed a reading is one step.
 *
 * An endpoint is kept by references: the root's, those of threads, those of connections. A
 * reference is given up after a grace period, which is what kept_for[] is: those who were in an
 * RCU read section when it was given up, and may still follow the pointer. */

#if RECLAIMS
byte n_references[GENERATIONS + 2];
byte kept_for[GENERATIONS + 2];
byte readers; /* threads in a read section, a bit each */
# define IS_ALIVE(endpoint) (n_references[endpoint] > 0 || kept_for[endpoint] != 0)

inline unref_endpoint (endpoint)
{
  n_references[endpoint]--;
# ifndef FAULT_NO_GRACE_PERIOD
  kept_for[endpoint] = kept_for[endpoint] | readers
# endif
}

inline read_lock () { readers = readers | (1 << me) }

inline read_unlock ()
{
  readers = readers & ~(1 << me);
  kept_for[1] = kept_for[1] & readers;
  kept_for[2] = kept_for[2] & readers
}

/* The snapshot in force, and a reference. */
inline read_root ()
{
  d_step { read_lock (); snapshot = root }
  d_step {
    assert (IS_ALIVE (ENDPOINT (snapshot)));
    n_references[ENDPOINT (snapshot)]++;
    read_unlock ()
  }
}

inline unref_snapshot () { subject = ENDPOINT (snapshot); unref_endpoint (subject) }
#else
inline unref_endpoint (endpoint) { skip }
inline read_root () { snapshot = root }
inline unref_snapshot () { skip }
#endif
