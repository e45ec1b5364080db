#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test-readme.sh SOURCE_ROOT: README's map of src/ names every file that is built and none that is not, and its
# program is the one that is tested.
set -u
root=$1
status=0
number=0

check () { # check WHAT COMMAND...
  local what=$1
  shift
  number=$((number + 1))
  if "$@"; then
    echo "ok $number - $what"
  else
    echo "not ok $number - $what"
    status=1
  fi
}

built () { grep -o "'[a-z]*/tlc-[a-z-]*\.c'" "$root/src/meson.build" | tr -d "'" | sort; }
mapped () { # the names in the row of each room
  local room
  for room in control client connect keeper observe model; do
    grep "^| \`src/$room/\`" "$root/README.md" | grep -o '`tlc-[a-z-]*`' | tr -d '`' | sed "s|.*|$room/&.c|"
  done | sort
}
program () { sed -n '/^```c$/,/^```$/p' "$root/README.md" | sed '1d;$d'; }
example () { sed -n '/^#include/,$p' "$root/examples/call.c"; }
present () { (cd "$root/src" && ls control/*.c client/*.c connect/*.c keeper/*.c observe/*.c model/*.c) | sort; }

# Each room includes itself and those below it: prints what includes upwards.
climbing () {
  local rooms="control client connect keeper observe model" above='' room
  for room in $rooms; do
    if [ -n "$above" ]; then
      (cd "$root/src" && grep -nE "^#include \"($above)/" "$room"/*.[ch])
    fi
    above="${above:+$above|}$room"
  done
}
nothing_climbs () { ! climbing | grep .; }

check "the map of src/ is what is built" diff <(mapped) <(built)
check "what is built is what is there" diff <(built) <(present)
check "a room includes only rooms below it" nothing_climbs
check "the program is examples/call.c" diff <(program) <(example)
echo "1..$number"
exit $status
