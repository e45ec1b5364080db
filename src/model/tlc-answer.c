/* SPDX-License-Identifier: Apache-2.0 */

/* Answers to names. A snapshot keeps those that it was made of, so that a name which cannot be
 * resolved at the next change keeps the addresses it had. Immutable once made. */
#include "model/tlc-answer.h"

TlcAnswer *
tlc_answer_new (GPtrArray *addresses, GError *error)
{
  TlcAnswer *answer = g_new0 (TlcAnswer, 1);

  g_assert ((addresses == NULL) != (error == NULL));
  answer->addresses = addresses;
  answer->error = error;
  return answer;
}

TlcAnswer *
tlc_answer_ask (const TlcAddress *address)
{
  GError *error = NULL;
  GPtrArray *addresses = tlc_address_resolve (address, &error);

  return tlc_answer_new (addresses, error);
}

TlcAnswer *
tlc_answer_copy (const TlcAnswer *answer)
{
  return tlc_answer_new (answer->addresses != NULL ? g_ptr_array_ref (answer->addresses) : NULL,
                         answer->error != NULL ? g_error_copy (answer->error) : NULL);
}

void
tlc_answer_free (TlcAnswer *answer)
{
  if (answer == NULL)
    return;
  g_clear_pointer (&answer->addresses, g_ptr_array_unref);
  g_clear_error (&answer->error);
  g_free (answer);
}

GPtrArray *
tlc_answers_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) tlc_answer_free);
}
