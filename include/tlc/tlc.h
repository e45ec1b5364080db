/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * tlc.h: thread-local clients for Apache Thrift in C.
 *
 * Programs include this header alone.  Headers, functions and thread rules are introduced in
 * README.md.
 */

#define TLC_INSIDE
#include <tlc/version.h>
#include <tlc/config.h>
#include <tlc/error.h>
#include <tlc/stats.h>
#include <tlc/types.h>
#include <tlc/client.h>
#include <tlc/service.h>
#include <tlc/registry.h>
#include <tlc/fork.h>
#undef TLC_INSIDE
