/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the first bytes of an input to fuzz-reply.c mean; the rest is what the peer says. */
enum {
  FUZZ_INPUT_METHOD, /* of fuzz_methods[], modulo their number */
  FUZZ_INPUT_SHAPE,
  FUZZ_INPUT_CHUNKS, /* see fuzz_peer_set_chunks() */
  FUZZ_INPUT_REST
};

/* What stands around the rest: the three lowest bits. */
typedef enum {
  FUZZ_SHAPE_REPLY,     /* the right header before it, in a right frame */
  FUZZ_SHAPE_EXCEPTION, /* the same, as a T_EXCEPTION */
  FUZZ_SHAPE_LATE,      /* the first, behind a reply to the call before */
  FUZZ_SHAPE_NUMBERED,  /* a right frame, and the right number put into the header that it has */
  FUZZ_SHAPE_MESSAGE,   /* a right frame */
  FUZZ_SHAPE_RAW,       /* nothing */
  FUZZ_N_SHAPES
} FuzzShape;
#define FUZZ_SHAPE_MASK 7

/* What was not received when the call ended is still there when the next one begins. */
#define FUZZ_SHAPE_KEEPS_REST 0x08
