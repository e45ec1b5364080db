#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run-types-race.sh N WARM COLD
#
# Starts WARM, whose types are registered before main(), N times: each start must succeed. Then
# COLD, whose threads register them, at most N times: at least one start must fail, or the first
# result means nothing.
set -u

if [ $# -ne 3 ]; then
  echo "Bail out! usage: $0 N WARM COLD"
  exit 2
fi
n=$1 warm=$2 cold=$3
wanted_failures=3 # of COLD, before it has proved enough
status=0
ulimit -c 0

echo 1..2

failed=0
for ((i = 0; i < n; i++)); do
  if ! "$warm"; then
    failed=$((failed + 1))
    [ $failed -lt 5 ] || break
  fi
done
if [ $failed -eq 0 ]; then
  echo "ok 1 - types registered before main(): $i of $n starts succeeded"
else
  echo "not ok 1 - types registered before main(): $failed starts failed, of $((i < n ? i + 1 : n))"
  status=1
fi

# A cold start may end by a signal, which the shell, not the program, would tell of.
failed=0
for ((i = 0; i < n && failed < wanted_failures; i++)); do
  ("$cold" || exit 1) >/dev/null 2>&1 || failed=$((failed + 1))
done
if [ $failed -gt 0 ]; then
  echo "ok 2 - control: $failed of $i starts failed without that"
else
  echo "not ok 2 - control: all of $i starts succeeded without that, so this test proves nothing"
  status=1
fi

exit $status
