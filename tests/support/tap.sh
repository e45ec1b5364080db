# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# What the tests in bash share: TAP. Sourced.

number=0
status=0

# check WHAT COMMAND...: passes if the command succeeds; it runs in a subshell
check() {
  local what=$1 output
  shift
  number=$((number + 1))
  if output=$("$@" 2>&1); then
    echo "ok $number - $what"
  else
    echo "not ok $number - $what"
    sed 's/^/# /' <<<"$output"
    status=1
  fi
}

# end_tests: the plan, and the status of all
end_tests() {
  echo "1..$number"
  exit $status
}
