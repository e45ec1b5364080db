#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves law 1 (hot path) by instructions: user-space ones of a warm tlc_service_get_client(), also of one
# found by its name in a registry, of finding that (tlc_registry_get_service()), and of
# a warm add(i32, i32), from entering the generated echo_if_add() to leaving it, generated code at
# -O2 with cast checks on. Beside them, without a limit: the same call on Apache Thrift's own stacks
# for C and C++.
# shellcheck source=bench/count-lib.sh
source -- "$(dirname -- "${BASH_SOURCE[0]}")/count-lib.sh"

limit_client=16
limit_service=150
limit_add=1845 # 100 of them are libc's, for there being another thread
limit_compact=1.10 # by the binary protocol's
n=500

# run_callgrind N WAY WHAT FUNCTION: instructions from entering FUNCTION to leaving it
run_callgrind () {
  local log
  log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="$4" \
          "$count_call" "$2" "$3" "$1" "$endpoint" 2>&1) || {
    printf '%s\n' "$log" >&2
    return 1
  }
  awk '/Collected *:/ { print $NF; found = 1 } END { exit !found }' <<<"$log"
}

# run_callgrind_thrice N WAY WHAT FUNCTION: the least of three. Sequence numbers begin at random in each
# process, compact writes small ones shorter, and about one process in ten takes a little longer for each.
run_callgrind_thrice () {
  local count
  for _ in 1 2 3; do
    count=$(run_callgrind "$@") || return 1
    printf '%s\n' "$count"
  done | sort -n | head -n 1
}

# measure WAY WHAT FUNCTION
counter=run_callgrind
measure () {
  local total
  total=$(count_difference "$n" "$counter" "$@") && count_each "$total" "$n"
}

[ -n "$(command -v valgrind)" ] || count_skip_all "no valgrind"
count_start_server

client=$(measure tlc client tlc_service_get_client) || client=
service=$(measure tlc service tlc_registry_get_service) || service=
of_service=$(measure tlc service tlc_service_get_client) || of_service=
add=$(measure tlc add echo_if_add) || add=
compact=$(count_start_server --protocol compact && counter=run_callgrind_thrice measure compact add echo_if_add) || compact=
stock=$(measure stock add echo_if_add) || stock=
cpp=$(measure cpp add 'echo::EchoClient::add*' 2>/dev/null) || cpp='not built'

echo "# instructions of a warm tlc_service_get_client(): ${client:-failed} (at most $limit_client)"
echo "# instructions of a warm tlc_registry_get_service(): ${service:-failed} (at most $limit_service), and of"
echo "#   tlc_service_get_client() after it: ${of_service:-failed}"
echo "# instructions of a warm add(i32, i32): ${add:-failed} (at most $limit_add)"
by_binary=$(awk -v a="${compact:-0}" -v b="${add:-1}" 'BEGIN { printf "%.3f\n", a / b }')
echo "#   the same by the compact protocol: ${compact:-failed}, $by_binary of that (at most $limit_compact)"
echo "#   the same by a stock framed client: ${stock:-failed}; by a C++ client: $cpp"
count_check "a warm get_client takes at most $limit_client instructions" \
  count_is_at_most "$client" "$limit_client"
count_check "the count of a warm get_client is one of a function that ran" \
  count_is_at_most 1 "$client"
count_check "a service is found by its name in at most $limit_service instructions" \
  count_is_at_most "$service" "$limit_service"
count_check "the count of that is one of a function that ran" count_is_at_most 20 "$service"
count_check "get_client takes as long after it" count_is_at_most "$of_service" "$client"
count_check "a warm call takes at most $limit_add instructions" count_is_at_most "$add" "$limit_add"
count_check "a warm compact call takes at most a tenth more than a binary one" \
  count_is_at_most "$by_binary" "$limit_compact"
count_check "the count of a warm compact call is one of a call" count_is_at_most 1000 "$compact"
count_check "a warm call takes less than a stock one" count_is_at_most "$add" "$stock"
count_plan
