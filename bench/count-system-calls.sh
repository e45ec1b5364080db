#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves law 1 (hot path) by system calls: a warm call makes exactly two, one sendto and one
# recvfrom.
# shellcheck source=bench/count-lib.sh
source -- "$(dirname -- "${BASH_SOURCE[0]}")/count-lib.sh"

n=500
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

# run_strace FILE N WAY: "system-call count" lines, of all threads
run_strace () {
  strace -f -c -U name,calls -o "$1.raw" "$count_call" "$3" add "$2" "$endpoint" >"$1.log" 2>&1 || {
    cat -- "$1.log" >&2
    return 1
  }
  awk '$2 ~ /^[0-9]+$/ && $1 != "total" { print $1, $2 }' "$1.raw" >"$1"
}

# measure WAY: what 2N calls made more of than N, one a line, but start and end, which are the same. Fewer
# than one in a hundred calls are not of the calls: other threads begin, look at the clock, and end, and may
# or may not have to be waited for.
measure () {
  run_strace "$scratch/once" "$n" "$1" && run_strace "$scratch/twice" "$((2 * n))" "$1" &&
    awk -v n="$n" '
      function show (name, count) { if (count > n / 100 || count < -n / 100) print name, count }
      FNR == NR { once[$1] = $2; next }
      { show($1, $2 - once[$1]); delete once[$1] }
      END { for (name in once) show(name, -once[name]) }' "$scratch/once" "$scratch/twice" | sort
}

[ -n "$(command -v strace)" ] || count_skip_all "no strace"
strace -o /dev/null true 2>/dev/null || count_skip_all "strace may not trace here"
count_start_server

tlc=$(measure tlc) || tlc=
stock=$(measure stock) || stock=
expected=$(printf 'recvfrom %s\nsendto %s' "$n" "$n")

on_one_line () {
  local line=${1//$'\n'/, }
  echo "${line:-failed}"
}
echo "# system calls of $n warm calls: $(on_one_line "$tlc") (exactly: $(on_one_line "$expected"))"
echo "#   the same by a stock framed client: $(on_one_line "$stock")"
count_check "a warm call is one sendto and one recvfrom, and nothing else" \
  test "$tlc" = "$expected"
count_check "stock clients are seen to make another number" test "$stock" != "$expected"
count_plan
