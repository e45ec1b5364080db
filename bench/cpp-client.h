/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* C++ Thrift's generated client, for C: the yardstick of large replies and of instructions a call.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CppClient CppClient;

/* Framed, binary, TCP with TCP_NODELAY. NULL when it cannot connect. */
CppClient *cpp_client_new (const char *host, unsigned port);
void cpp_client_free (CppClient *client);

/* The calls: 1, or 0 after a failure. */
int cpp_client_add (CppClient *client, int32_t a, int32_t b, int32_t *ret_sum);

/* The result stays with the client until the next call or cpp_client_drop(), which frees it. */
int cpp_client_samples (CppClient *client, int32_t count, size_t *ret_n);
int cpp_client_numbers (CppClient *client, int32_t count, size_t *ret_n);
void cpp_client_drop (CppClient *client);

#ifdef __cplusplus
}
#endif
