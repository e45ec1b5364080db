/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: the TLC_ERROR domain, whose errors carry how far the failed call got.
 *
 * The delivery travels in GError's private data (an "extended" error), so it survives
 * g_error_copy(), g_propagate_error() and g_prefix_error(). Only the quark is shared; it is
 * registered once, by the first that asks.
 */
#include "tlc/error.h"

#include "model/tlc-error-private.h"

typedef struct {
  TlcDelivery delivery;
} TlcErrorPrivate;

/* Somebody made the error with g_error_new() and told us nothing: then the request may have run. */
static void
tlc_error_private_init (TlcErrorPrivate *priv)
{
  priv->delivery = TLC_DELIVERY_UNKNOWN;
}

static void
tlc_error_private_copy (const TlcErrorPrivate *source, TlcErrorPrivate *dest)
{
  dest->delivery = source->delivery;
}

static void
tlc_error_private_clear (TlcErrorPrivate *priv)
{
}

G_DEFINE_EXTENDED_ERROR (TlcError, tlc_error)

/* While the library is loaded, and no thread can make its first error beside another's. */
static void __attribute__ ((constructor))
tlc_error_register (void)
{
  tlc_error_quark ();
}

void
tlc_error_set (GError **error, TlcError code, TlcDelivery delivery, const char *format, ...)
{
  va_list args;

  /* The first failure is the cause; what fails while cleaning up after it must not hide it. */
  if (error == NULL || *error != NULL)
    return;

  va_start (args, format);
  *error = g_error_new_valist (TLC_ERROR, (int) code, format, args);
  va_end (args);
  tlc_error_get_private (*error)->delivery = delivery;
}

TlcDelivery
tlc_error_get_delivery (const GError *error)
{
  g_return_val_if_fail (error != NULL, TLC_DELIVERY_UNKNOWN);

  if (error->domain != TLC_ERROR)
    return TLC_DELIVERY_ANSWERED;
  return tlc_error_get_private (error)->delivery;
}

const char *
tlc_delivery_to_string (TlcDelivery delivery)
{
  switch (delivery)
    {
    case TLC_DELIVERY_NOT_SENT:
      return "not sent";
    case TLC_DELIVERY_UNKNOWN:
      return "may have run";
    case TLC_DELIVERY_ANSWERED:
      return "answered";
    }
  g_assert_not_reached ();
}
