/* SPDX-License-Identifier: Apache-2.0 */

/* Where a message ends that does not say how long it is, by both protocols: the walk finds the end
 * in whatever pieces it comes, and nothing that may come makes it look beyond what is there. Laws
 * 3, 5. */
#include "client/tlc-walk.h"

#include <string.h>

#include "client/tlc-framing.h"
#include "client/tlc-protocol.h"
#include "support/tlc-room.h"

typedef struct {
  TlcTransport *transport;
  ThriftProtocol *protocol;
  const TlcWalker *walker;
  guint8 *message; /* in memory of its own size: sanitizers see what is read behind it */
  gsize length;
} Fixture;

static void
write_struct (ThriftProtocol *protocol, guint depth)
{
  thrift_protocol_write_struct_begin (protocol, "S", NULL);
  thrift_protocol_write_field_begin (protocol, "i", T_I32, 1, NULL);
  thrift_protocol_write_i32 (protocol, -4711, NULL);
  thrift_protocol_write_field_begin (protocol, "b", T_BOOL, 2, NULL);
  thrift_protocol_write_bool (protocol, TRUE, NULL);
  thrift_protocol_write_field_begin (protocol, "far", T_I64, 3000, NULL);
  thrift_protocol_write_i64 (protocol, G_MININT64, NULL);
  thrift_protocol_write_field_begin (protocol, "d", T_DOUBLE, 4, NULL);
  thrift_protocol_write_double (protocol, 0.1, NULL);
  if (depth > 0)
    {
      thrift_protocol_write_field_begin (protocol, "s", T_STRUCT, 5, NULL);
      write_struct (protocol, depth - 1);
    }
  thrift_protocol_write_field_stop (protocol, NULL);
  thrift_protocol_write_struct_end (protocol, NULL);
}

static void
write_containers (ThriftProtocol *protocol)
{
  thrift_protocol_write_field_begin (protocol, "numbers", T_LIST, 6, NULL);
  thrift_protocol_write_list_begin (protocol, T_I32, 20, NULL);
  for (gint32 i = 0; i < 20; i++)
    thrift_protocol_write_i32 (protocol, i * 1000, NULL);
  thrift_protocol_write_field_begin (protocol, "words", T_SET, 7, NULL);
  thrift_protocol_write_set_begin (protocol, T_STRING, 2, NULL);
  thrift_protocol_write_string (protocol, "", NULL);
  thrift_protocol_write_string (protocol, "a longer word, as words go", NULL);
  thrift_protocol_write_field_begin (protocol, "places", T_MAP, 8, NULL);
  thrift_protocol_write_map_begin (protocol, T_STRING, T_STRUCT, 2, NULL);
  for (guint i = 0; i < 2; i++)
    {
      thrift_protocol_write_string (protocol, i == 0 ? "here" : "there", NULL);
      write_struct (protocol, 0);
    }
  thrift_protocol_write_field_begin (protocol, "sums", T_MAP, 9, NULL);
  thrift_protocol_write_map_begin (protocol, T_I16, T_I64, 3, NULL);
  for (gint16 i = 0; i < 3; i++)
    {
      thrift_protocol_write_i16 (protocol, i, NULL);
      thrift_protocol_write_i64 (protocol, (gint64) i << 40, NULL);
    }
  thrift_protocol_write_field_begin (protocol, "nothing", T_MAP, 10, NULL);
  thrift_protocol_write_map_begin (protocol, T_STRING, T_STRING, 0, NULL);
  thrift_protocol_write_field_begin (protocol, "bools", T_LIST, 11, NULL);
  thrift_protocol_write_list_begin (protocol, T_BOOL, 3, NULL);
  for (guint i = 0; i < 3; i++)
    thrift_protocol_write_bool (protocol, i == 1, NULL);
}

/* A message with every kind of value. */
static void
fixture_init (Fixture *fixture, int kind)
{
  GType type = kind == 0 ? TLC_TYPE_BINARY_PROTOCOL : TLC_TYPE_COMPACT_PROTOCOL;
  TlcBranch *branch = tlc_room_branch (tlc_room_settings ("unix:@nobody", NULL));
  g_autoptr (TlcSnapshot) first = tlc_branch_read (branch);
  TlcCore *core = tlc_core_new ("walk", G_TYPE_OBJECT, branch, first);
  ThriftProtocol *protocol;
  TlcCall *call;

  fixture->transport = tlc_transport_new (core);
  tlc_core_unref (core);
  fixture->protocol = protocol = tlc_protocol_new (type, fixture->transport, NULL);
  fixture->walker = ((TlcProtocolClass *) G_OBJECT_GET_CLASS (protocol))->walker;
  call = tlc_transport_get_call (fixture->transport);
  tlc_call_set_framing (call, &tlc_framing_buffered, fixture->walker);
  ck_assert_int_ge (thrift_protocol_write_message_begin (protocol, "walk", T_CALL, 0, NULL), 0);
  thrift_protocol_write_struct_begin (protocol, "args", NULL);
  thrift_protocol_write_field_begin (protocol, "s", T_STRUCT, 1, NULL);
  write_struct (protocol, 3);
  write_containers (protocol);
  thrift_protocol_write_field_stop (protocol, NULL);
  thrift_protocol_write_struct_end (protocol, NULL);
  fixture->length = call->out.length;
  fixture->message = g_memdup2 (call->out.data, fixture->length);
}

static void
fixture_clear (Fixture *fixture)
{
  g_free (fixture->message);
  g_object_unref (fixture->protocol);
  g_object_unref (fixture->transport);
}

static TlcRefusal
walk_copy (const Fixture *fixture, const guint8 *message, gsize length, gsize *ret_end)
{
  g_autofree guint8 *copy = g_memdup2 (message, length);
  TlcRefusal refusal;
  TlcWalk walk;

  tlc_walk_start (&walk);
  refusal = tlc_walk_on (&walk, fixture->walker, copy, length);
  ck_assert_uint_le (walk.at, length);
  *ret_end = walk.at;
  return refusal;
}

/* The end of the whole, and of no beginning of it. */
START_TEST (test_walk_of_every_truncation)
{
  Fixture fixture;
  gsize end;

  fixture_init (&fixture, _i);
  for (gsize length = 0; length < fixture.length; length++)
    ck_assert_int_eq (walk_copy (&fixture, fixture.message, length, &end), TLC_REFUSE_SHORT);
  ck_assert_int_eq (walk_copy (&fixture, fixture.message, fixture.length, &end), TLC_REFUSE_NONE);
  ck_assert_uint_eq (end, fixture.length);
  fixture_clear (&fixture);
}
END_TEST

/* However many bytes come at a time, each is passed once, and what follows is not touched. */
START_TEST (test_walk_in_pieces)
{
  Fixture fixture;

  fixture_init (&fixture, _i);
  for (gsize piece = 1; piece < 40; piece++)
    {
      g_autofree guint8 *stream = g_malloc (fixture.length + 40);
      TlcRefusal refusal = TLC_REFUSE_SHORT;
      gsize length = 0, before = 0;
      TlcWalk walk;

      memcpy (stream, fixture.message, fixture.length);
      memset (stream + fixture.length, 0xa5, 40);
      tlc_walk_start (&walk);
      while (refusal == TLC_REFUSE_SHORT)
        {
          length += piece;
          ck_assert_uint_lt (length, fixture.length + 40);
          refusal = tlc_walk_on (&walk, fixture.walker, stream, length);
          ck_assert_uint_ge (walk.at, before);
          before = walk.at;
        }
      ck_assert_int_eq (refusal, TLC_REFUSE_NONE);
      ck_assert_uint_eq (walk.at, fixture.length);
      ck_assert_uint_lt (length - fixture.length, piece);
    }
  fixture_clear (&fixture);
}
END_TEST

/* Each byte changed to each value: the walk ends within what is there, or wants more. */
START_TEST (test_walk_of_every_change)
{
  Fixture fixture;
  gsize end;

  fixture_init (&fixture, _i);
  for (gsize at = 0; at < fixture.length; at++)
    for (guint value = 0; value < 256; value++)
      {
        guint8 right = fixture.message[at];

        fixture.message[at] = (guint8) value;
        walk_copy (&fixture, fixture.message, fixture.length, &end);
        fixture.message[at] = right;
      }
  fixture_clear (&fixture);
}
END_TEST

/* Deep nesting is refused before the depth that the reader would refuse is exceeded. */
START_TEST (test_walk_refuses_depth)
{
  Fixture fixture;
  gsize end;
  g_autoptr (GByteArray) deep = g_byte_array_new ();

  fixture_init (&fixture, _i);
  /* the header, then struct in struct */
  g_byte_array_append (deep, fixture.message, (guint) (_i == 0 ? 4 + 4 + 4 + 4 : fixture.length));
  if (_i == 1)
    g_byte_array_set_size (
        deep,
        (guint) ((guint8 *) memmem (fixture.message, fixture.length, "walk", 4) - fixture.message)
            + 4);
  for (guint i = 0; i < 1000; i++)
    g_byte_array_append (deep,
                         _i == 0 ? (const guint8[]){ T_STRUCT, 0, 1 } : (const guint8[]){ 0x1c },
                         _i == 0 ? 3 : 1);
  ck_assert_int_eq (walk_copy (&fixture, deep->data, deep->len, &end), TLC_REFUSE_DEPTH);
  fixture_clear (&fixture);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("walk");
  TCase *tests = tcase_create ("walk");

  tcase_add_loop_test (tests, test_walk_of_every_truncation, 0, 2);
  tcase_add_loop_test (tests, test_walk_in_pieces, 0, 2);
  tcase_add_loop_test (tests, test_walk_of_every_change, 0, 2);
  tcase_add_loop_test (tests, test_walk_refuses_depth, 0, 2);
  suite_add_tcase (suite, tests);
  return tlc_check_run (suite);
}
