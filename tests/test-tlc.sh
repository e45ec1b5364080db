#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test-tlc.sh TLC
#
# The command: what it says of files, and with which status. Its servers are those of TLC_SERVER_C.
set -u
# shellcheck source=tests/support/tap.sh
source -- "$(dirname -- "$0")/support/tap.sh"

tlc=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2
export LC_ALL=C

# ends STATUS ARGUMENT...: tlc ends with that status; what it wrote is in out and err
ends() {
  local expected=$1 code
  shift
  timeout 30 "$tlc" "$@" >out 2>err
  code=$?
  cat out err
  [ $code -eq "$expected" ]
}

# says FILE PATTERN...: each is found in a line of FILE of its own, in that order
says() {
  local file=$1 line=0 pattern found
  shift
  for pattern; do
    found=$(tail -n +$((line + 1)) "$file" | grep -nE -m 1 -- "$pattern" | cut -d: -f1)
    [ -n "$found" ] || { echo "not said: $pattern"; cat "$file"; return 1; }
    line=$((line + found))
  done
}

has_lines() { [ "$(wc -l <"$1")" -eq "$2" ]; }
is_empty() { [ ! -s "$1" ]; }
is_json() { /usr/bin/python3 -m json.tool "$1"; }
# json FILE EXPRESSION: of the value d it is true
json() { /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$@"; }

mkfifo input output
"$TLC_SERVER_C" <input >output &
exec 8>input 9<output
read -r -t 30 ready <&9
endpoint=${ready#READY }
port=${endpoint##*:}

# nobody listens there: bound, and not listened at
dead=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

printf '[defaults]\nendpoints = %s\n[echo]\n[log]\ncall-timeout = 2s\n' "$endpoint" >good
printf '[echo]\nendpoints = %s, tcp://127.0.0.1:%s\n' "$endpoint" "$dead" >half
printf '[echo]\nendpoints = tcp://name.invalid:1\n[log]\nendpoints = unix:@nobody-listens-here\n' >none
printf '[defaults]\ncall-timeout = 250\n[echo]\nendpoint = %s\nmax-connections = many\n[log]\nendpoints = unix:@l\nendpoints = unix:@l\nnonsense "\\\n' "$endpoint" >bad

check "check: all is well" ends 0 check good
check "... and says how long each took" \
  says out '^SERVICE +ENDPOINT +RESULT' "^echo +tcp://127.0.0.1:$port +connected in [0-9.]+ ms" '^log .*connected in'
check "check: one endpoint does not answer" ends 1 check half
check "... and says which" says out 'connected in' "tcp://127.0.0.1:$dead +Connection refused"
check "check --any: one will do" ends 0 check --any half
check "check: nobody is there" ends 1 check none
check "... and says why not" says out 'name\.invalid.*not resolved' '@nobody-listens-here +Connection refused'
check "check --no-connect: names alone" ends 0 check --no-connect half
check "... and says so" says out 'not tried' 'not tried'
check "check: five mistakes" ends 1 check bad
check "... are told, all five, with their lines" says err '^bad:2: defaults: call-timeout = "250": ' \
  '^bad:4: echo: endpoint = .*endpoints' '^bad:5: echo: max-connections = "many": ' \
  '^bad:8: log: endpoints: a second time: the first is in line 7' '^bad:9: .*nonsense'
check "... and nothing else is" bash -c '[ "$(wc -l <err)" -eq 5 ] && [ ! -s out ]'
check "check: no file" ends 1 check missing
check "... is told" says err '^missing: cannot be opened: No such file or directory'
check "check --json: all is well" ends 0 check --json good
check "... as JSON" json out 'd["ok"] and len(d["endpoints"]) == 2 and d["endpoints"][0]["us"] > 0'
check "check --json: mistakes" ends 1 check --json bad
check "... as JSON" json out 'not d["ok"] and len(d["errors"]) == 5 and "nonsense" in d["errors"][4]'
check "check --json: nobody is there" ends 1 check --json none
check "... as JSON" json out 'not d["endpoints"][0]["connected"] and d["endpoints"][0]["us"] is None'

cp good old
printf '[echo]\nendpoints = unix:@a\nprotocol = compact\n[mail]\nendpoints = unix:@m\n' >new
check "diff: nothing" ends 0 diff good old
check "... is said" is_empty out
check "diff: something" ends 1 diff old new
check "... is said" says out "^echo: endpoints: $endpoint -> unix:@a" \
  '^echo: protocol: binary -> compact \(not while the service runs\)' '^mail: added' '^log: gone'
check "... and nothing else is" has_lines out 4
check "diff --json" ends 1 diff --json old new
check "... is JSON" json out 'len(d) == 4 and d[1]["key"] == "protocol" and d[3]["change"] == "gone"'
check "diff: a file that is wrong" ends 2 diff old bad
check "diff: a file that is not there" ends 2 diff missing old

check "keys" ends 0 keys
check "... says what a key may be" says out '^endpoints = ' '^call-timeout = 5s' '^max-attempts = 2'
check "keys --json" ends 0 keys --json
check "... is JSON" json out 'any(k["key"] == "call-timeout" and k["default"] == "5s" for k in d)'
check "... of all keys" bash -c '[ "$(grep -c "\"key\": " out)" -eq "$(grep -c "^| \`" "$0")" ]' \
  "${TLC_SETTINGS_DOC:?}"

cp -- good -odd
check "what follows -- is a file" ends 0 check -- -odd
check "what cannot be written is trouble" bash -c '"$0" keys >/dev/full; [ $? -eq 2 ]' "$tlc"
printf '[echo]\nendpoints = unix:%s/\303\266\n' "$tmp" >umlaut
check "JSON is UTF-8, whatever the locale" ends 1 check --json umlaut
check "... and the path is as it was" json out '"\u00f6" in d["endpoints"][0]["endpoint"]'

# a backlog that is full for a moment is no failure, as it is none for the program
/usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + "/full"); s.listen(0)
c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1] + "/full")
print("READY", flush=True); time.sleep(0.3); s.accept(); time.sleep(5)' "$tmp" >backlog &
backlog=$!
until grep -q READY backlog; do sleep 0.05; done
printf '[echo]\nendpoints = unix:%s/full\nconnect-timeout = 20s\n' "$tmp" >full.conf
check "a full backlog is waited for" ends 0 check full.conf
kill $backlog 2>/dev/null
wait $backlog 2>/dev/null

for i in $(seq 40); do printf '[echo-%d]\nendpoints = %s\n' "$i" "$endpoint"; done >many
check "our own limit is not the endpoints'" bash -c 'ulimit -n 16; exec "$0" check many' "$tlc"

check "--version" ends 0 --version
check "--help" ends 0 --help
check "check --help" ends 0 check --help
for arguments in '' nonsense '--nonsense' 'check' 'check a b' 'check --nonsense good' 'diff old' 'keys x' \
                 'check --timeout=x good' 'check --timeout=0 good' 'check --timeout=-5 good'; do
  # shellcheck disable=SC2086
  check "usage: tlc $arguments" ends 2 $arguments
  check "... is told" bash -c '[ -s err ] && [ ! -s out ]'
done

exec 8>&- 9<&- # end of file: the server ends
wait
end_tests
