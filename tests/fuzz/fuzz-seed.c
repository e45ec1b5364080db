/* SPDX-License-Identifier: Apache-2.0 */

/* fuzz-seed WIRE FOLDER: writes inputs for fuzz-reply.c that are valid replies, one of each, and
 * some that are nearly so. The corpus began with them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz-input.h"
#include "fuzz/fuzz-replies.h"

static const char *fuzz_folder;

static void
fuzz_write (const char *name, const FuzzMethod *method, guint8 shape, guint8 chunks,
            const GByteArray *rest)
{
  const guint8 start[FUZZ_INPUT_REST] = { (guint8) (method - fuzz_methods), shape, chunks };
  g_autofree char *path = g_build_filename (fuzz_folder, name, NULL);
  g_autoptr (GByteArray) input = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_byte_array_append (input, start, sizeof start);
  g_byte_array_append (input, rest->data, rest->len);
  if (!g_file_set_contents (path, (const char *) input->data, input->len, &error))
    g_error ("%s", error->message);
}

/* With a header of its own, which lacks the number, or has a wrong one. */
static void
fuzz_write_whole (const FuzzWire *wire, const char *name, guint8 shape, gboolean has_number,
                  gboolean has_frame, const GByteArray *body)
{
  g_autoptr (GByteArray) message = g_byte_array_new ();
  g_autoptr (GByteArray) rest = g_byte_array_new ();
  guint offset;

  fuzz_wire_put_header (wire, message, T_REPLY, "add", 1);
  offset = (guint) fuzz_wire_number_offset (wire, message->data, message->len);
  if (!has_number)
    g_byte_array_remove_range (message, offset, wire->is_compact ? 1 : 4);
  g_byte_array_append (message, body->data, body->len);
  if (has_frame)
    fuzz_wire_put_message (wire, rest, message);
  else
    g_byte_array_append (rest, message->data, message->len);
  fuzz_write (name, fuzz_method_find ("add"), shape, 0, rest);
}

static void
fuzz_write_reply (const FuzzWire *wire, const FuzzReply *reply)
{
  const FuzzMethod *method = fuzz_method_find (reply->method);
  guint8 shape = reply->is_exception ? FUZZ_SHAPE_EXCEPTION : FUZZ_SHAPE_REPLY;
  g_autoptr (GByteArray) body = fuzz_reply_write_body (reply, wire);

  fuzz_write (reply->name, method, shape, 0, body);
  if (strcmp (reply->name, "add") != 0)
    return;
  fuzz_write ("add-late", method, FUZZ_SHAPE_LATE, 0, body);
  fuzz_write ("add-late-rest", method, FUZZ_SHAPE_LATE | FUZZ_SHAPE_KEEPS_REST, 1, body);
  fuzz_write ("add-in-two", method, shape, 5, body);
  fuzz_write ("add-in-pieces", method, shape, 129, body);
  fuzz_write_whole (wire, "add-numbered", FUZZ_SHAPE_NUMBERED, FALSE, FALSE, body);
  fuzz_write_whole (wire, "add-message", FUZZ_SHAPE_MESSAGE, TRUE, FALSE, body);
  fuzz_write_whole (wire, "add-raw", FUZZ_SHAPE_RAW, TRUE, TRUE, body);
  g_byte_array_append (body, body->data, body->len);
  fuzz_write ("add-twice-rest", method, shape | FUZZ_SHAPE_KEEPS_REST, 9, body);
}

/* Within the counts, but more objects than a reply may make. */
static void
fuzz_write_many (const FuzzWire *wire)
{
  static const guint8 binary[] = { T_LIST, 0, 0, T_STRUCT, 0, 0, 600 >> 8, 600 & 0xff };
  static const guint8 compact[] = { 0x09, 0, 0xfc, 600 % 0x80 | 0x80, 600 >> 7 };
  g_autoptr (GByteArray) rest = g_byte_array_new ();

  if (wire->is_compact)
    g_byte_array_append (rest, compact, sizeof compact);
  else
    g_byte_array_append (rest, binary, sizeof binary);
  for (guint i = 0; i < 600 + 1; i++) /* ends of structs */
    g_byte_array_append (rest, (const guint8 *) "", 1);
  fuzz_write ("samples-too-many", fuzz_method_find ("samples"), FUZZ_SHAPE_REPLY, 0, rest);
}

static void
fuzz_write_text (const char *name, const char *text)
{
  GByteArray rest = { (guint8 *) text, (guint) strlen (text) };

  fuzz_write (name, fuzz_method_find ("ping"), FUZZ_SHAPE_RAW, 0, &rest);
}

int
main (int argc, char **argv)
{
  const FuzzWire *wire;

  if (argc != 3)
    {
      fprintf (stderr, "usage: fuzz-seed WIRE FOLDER\n");
      return EXIT_FAILURE;
    }
  wire = fuzz_wire_find (argv[1]);
  fuzz_folder = argv[2];
  for (guint i = 0; i < fuzz_n_replies; i++)
    fuzz_write_reply (wire, &fuzz_replies[i]);
  for (guint i = 0; i < fuzz_n_refused; i++)
    fuzz_write_reply (wire, &fuzz_refused[i]);
  fuzz_write_many (wire);
  fuzz_write_text ("http", "HTTP/1.1 400 Bad Request\r\n\r\n");
  fuzz_write_text ("nothing", "");
  return EXIT_SUCCESS;
}
