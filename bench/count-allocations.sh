#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves law 1 (hot path) by allocations: a warm call makes exactly one, the method name that
# generated code frees. The second argument is the library of count-malloc.c.
# shellcheck source=bench/count-lib.sh
source -- "$(dirname -- "${BASH_SOURCE[0]}")/count-lib.sh"

shim=$(realpath -- "$2")
n=1000

# measure WAY WHAT: allocations of N warm calls
measure () {
  local output
  # LD_PRELOAD is split at blanks, and escapes nothing: hence a relative name.
  output=$(cd -- "$(dirname -- "$shim")" &&
           G_SLICE=always-malloc LD_PRELOAD="./$(basename -- "$shim")" \
             "$count_call" "$1" "$2" "$n" "$endpoint") || return 1
  echo "${output#allocations }"
}

count_start_server

client=$(measure tlc client) || client=
add=$(measure tlc add) || add=
stock=$(measure stock add) || stock=0

echo "# allocations of $n warm tlc_service_get_client(): ${client:-failed} (exactly 0)"
echo "# allocations of $n warm add(i32, i32): ${add:-failed} (exactly $n, one each)"
echo "#   the same by a stock framed client: $stock"
count_check "a warm get_client allocates nothing" test "$client" = 0
count_check "a warm call allocates once" test "$add" = "$n"
count_check "stock clients are seen to allocate more" test "$stock" -gt "$n"
count_plan
