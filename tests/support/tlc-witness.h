/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include <glib.h>

/* A second address of an echo server, in a process of its own, which passes everything on and looks at
 * what it passes: requests of "add", framed and binary, whose first argument is the number of the process
 * that sends them. */
typedef struct {
  /* the witness writes, the test reads */
  atomic_uint n_open;         /* connections now */
  atomic_uint n_own;          /* connections, by the process that spoke first: who started the witness */
  atomic_uint n_of_others;    /* or another */
  atomic_uint n_requests;     /* whole ones */
  atomic_uint n_out_of_place; /* requests on the connection of another process, and bytes that are none */
} TlcTestimony;

typedef struct _TlcWitness TlcWitness;

/* @server: "tcp://127.0.0.1:PORT". To be started by a process with one thread. */
TlcWitness *tlc_witness_start (const char *server);
const char *tlc_witness_get_endpoint (TlcWitness *witness);
const TlcTestimony *tlc_witness_hear (TlcWitness *witness);
void tlc_witness_stop (TlcWitness *witness);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlcWitness, tlc_witness_stop)
