#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test-examples.sh RELOAD
#
# examples/reload: a service that changes servers on SIGHUP, and by a watch, loses no call by it, and takes
# nothing that is wrong. Its servers are those of TLC_SERVER_C.
set -u
# shellcheck source=tests/support/tap.sh
source -- "$(dirname -- "$0")/support/tap.sh"

reload=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2

mkfifo input output-a output-b
"$TLC_SERVER_C" --name A <input >output-a &
"$TLC_SERVER_C" --name B <input >output-b &
exec 8>input 6<output-a 7<output-b
read -r -t 30 a <&6
read -r -t 30 b <&7

# to ENDPOINT: writes the file
to() { printf '[echo]\nendpoints = %s\n' "${1#READY }" >services.conf; }

# says N PATTERN: so many lines of what it has said match, within 30 seconds
says() {
  for _ in $(seq 300); do
    [ "$(grep -cE -- "$2" said)" -ge "$1" ] && return 0
    sleep 0.1
  done
  cat said
  return 1
}

# end: on SIGTERM, by itself
end() {
  kill -TERM "$pid"
  wait "$pid"
  code=$?
}
ended_well() { [ $code -eq 0 ] && says 1 '^[1-9][0-9]* calls, 0 failed$'; }

to "$a"
"$reload" services.conf >said 2>&1 &
pid=$!
check "it calls" says 4 '^served by A$'
to "$b"
kill -HUP $pid
check "SIGHUP has it load" says 1 '^services\.conf: in force: echo: endpoints; 0 as before$'
check "all threads go by it" says 4 '^served by B$'
to nonsense
kill -HUP $pid
check "what is wrong it says" says 1 '^services\.conf:2: echo: endpoints = "nonsense": '
to "$a"
kill -HUP $pid
check "and goes on" says 8 '^served by A$'
end
check "it ends, and no call has failed" ended_well

"$reload" --watch services.conf >said 2>&1 &
pid=$!
check "with --watch it calls" says 4 '^served by A$'
to "$b"
check "and follows the file" says 4 '^served by B$'
end
check "it ends, and no call has failed" ended_well

exec 8>&- # end of file: the servers end
wait
end_tests
