# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What the count-*.sh tests share: a server, and TAP. Sourced. Each test gets the program count-call
# as its first argument and prints, after "# ", the figure of each side beside its limit.
set -euo pipefail
export LC_ALL=C
export MALLOC_PERTURB_=0 # meson test sets it, and filling memory takes instructions

count_call=$(realpath -- "$1")
case_number=0

count_skip_all () {
  echo "1..0 # SKIP $*"
  exit 0
}

# check NAME COMMAND...: one TAP case
count_check () {
  local name=$1
  shift
  case_number=$((case_number + 1))
  if "$@"; then
    echo "ok $case_number - $name"
  else
    echo "not ok $case_number - $name"
  fi
}

count_plan () {
  echo "1..$case_number"
}

# Starts a server of this script's own, that ends when the script does: its stdin closes then.
# It is not the child of what is measured, because strace -f would count it in.
count_start_server () { # its arguments are the server's
  local program=${TLC_SERVER_CPP:-${TLC_SERVER_C:?start by meson test, or set TLC_SERVER_CPP}} ready
  coproc COUNT_SERVER { exec "$program" "$@"; }
  if ! read -r ready endpoint <&"${COUNT_SERVER[0]}" || [ "$ready" != READY ]; then
    echo "Bail out! $program did not start"
    exit 1
  fi
}

# count_difference N COUNTER WAY WHAT [ARGUMENT...]: what N warm calls cost, by running COUNTER,
# which prints a number, for N and for 2N of them.
count_difference () {
  local n=$1 counter=$2 once twice
  shift 2
  once=$("$counter" "$n" "$@") || return 1
  twice=$("$counter" "$((2 * n))" "$@") || return 1
  echo $((twice - once))
}

# count_each TOTAL N: the share of one, with one digit after the point
count_each () {
  awk -v total="$1" -v n="$2" 'BEGIN { printf "%.1f\n", total / n }'
}

count_is_at_most () {
  awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value != "" && value + 0 <= limit + 0) }'
}
