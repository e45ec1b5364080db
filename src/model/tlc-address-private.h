/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/tlc-address.h"

/* For the parser and the resolver, which fill an address whose port is set and hand it out. */
void tlc_address_fill_in4 (TlcAddress *address, const struct in_addr *in4);
void tlc_address_fill_in6 (TlcAddress *address, const struct in6_addr *in6, guint32 scope);

/* "tcp://10.0.0.7:9090" of a filled INET address. */
char *tlc_address_format_inet (const TlcAddress *address);
