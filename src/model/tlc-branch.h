/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-root.h"

/* One service's part of a root: the place where its snapshot in force is found, and the records of its
 * endpoints. It lives as long as the root, which it keeps no reference to. */
struct _TlcBranch {
  TlcRoot *root;
  guint place;                 /* in the root's tables; G_MAXUINT: in none */
  TlcEndpointTable *endpoints; /* under the root's lock */
};

/* The only branch of a root of its own, whose reference is the caller's, at generation 1. Takes
 * @settings and @answers over, also on failure: an answer that is an error. */
TlcBranch *tlc_branch_new_alone (TlcSettings *settings, GPtrArray *answers, GError **error);
/* What is to become a branch of @root: by tlc_root_add_unlocked(), or it is freed again. */
TlcBranch *tlc_branch_new (TlcRoot *root);
void tlc_branch_free (TlcBranch *branch);
/* Gives back a reference to the root that the branch came with; NULL: there is none. */
static inline void
tlc_branch_drop (TlcBranch *branch)
{
  if (branch != NULL)
    tlc_root_unref (branch->root);
}

/* A reference to the snapshot in force. Any thread; no lock. */
static inline TlcSnapshot *
tlc_branch_read (const TlcBranch *branch)
{
  return tlc_root_read (branch->root, branch->place);
}

/* The number of the snapshot in force. Any thread; no lock. */
guint64 tlc_branch_get_generation (const TlcBranch *branch);

/* What follows is with the root's lock held. The snapshot in force, without a reference: the lock keeps
 * it. NULL: there has not been one yet. */
TlcSnapshot *tlc_branch_peek_unlocked (const TlcBranch *branch);
/* What the service would become by these, taken over: an endpoint whose address is known keeps its
 * record, a name that has no answer now keeps the one it had. NULL where it had none. */
TlcSnapshot *tlc_branch_make_next_unlocked (TlcBranch *branch, TlcSettings *settings,
                                            GPtrArray *answers, GError **error);
/* Puts @next, taken over, in force, and leaves all other branches as they are. */
void tlc_branch_publish_unlocked (TlcBranch *branch, TlcSnapshot *next);

/* Without the lock: a copy of the text of an endpoint that the service knows; NULL when it is not one of
 * them any more. @endpoint need not be alive. */
char *tlc_branch_describe_endpoint (TlcBranch *branch, const TlcEndpoint *endpoint);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcBranch, tlc_branch_drop)
