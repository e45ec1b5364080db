#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test-outside-program.sh BUILD_DIR
#
# TLC as those meet it who build on it: installed from BUILD_DIR, under a path with a space, and as
# a meson subproject of a program. The program is examples/call.c; its servers are those of
# TLC_SERVER_CPP and TLC_SERVER_PY (with TLC_GEN_PY). All that is written outside a temporary folder
# is BUILD_DIR's install log.
set -u

source=$(realpath "$(dirname "$0")/..")
build=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C
unset LD_LIBRARY_PATH DESTDIR

if nm -D "$build/src/libtlc.so" | grep -Eq '__(asan|tsan|ubsan|msan)_'; then
  echo "1..0 # SKIP a library with sanitizers is not for programs outside"
  exit 0
fi

number=0
status=0

# check WHAT COMMAND...: passes if the command succeeds
check() {
  local what=$1
  shift
  number=$((number + 1))
  if "$@" >"$tmp/output" 2>&1; then
    echo "ok $number - $what"
  else
    echo "not ok $number - $what"
    sed 's/^/# /' "$tmp/output"
    status=1
  fi
}

skip() {
  number=$((number + 1))
  echo "ok $number - $1 # SKIP $2"
}

same() {
  diff -u "$1" "$2"
}

# with_server SERVER... -- COMMAND...: runs COMMAND with the server's endpoint as its last argument
with_server() {
  local server=() pid ready code

  while [ "$1" != -- ]; do
    server+=("$1")
    shift
  done
  shift

  rm -f "$tmp/stdin" "$tmp/stdout"
  mkfifo "$tmp/stdin" "$tmp/stdout"
  "${server[@]}" <"$tmp/stdin" >"$tmp/stdout" &
  pid=$!
  exec 8>"$tmp/stdin" 9<"$tmp/stdout"
  read -r -t 30 ready <&9
  if [[ $ready == "READY "* ]]; then
    at "$@" "${ready#READY }" 8>&- 9<&-
    code=$?
  else
    echo "the server did not start: $ready"
    kill "$pid" 2>/dev/null
    code=1
  fi

  exec 8>&- 9<&- # end of file: the server ends
  wait "$pid" || code=1
  return $code
}

# at PROGRAM... ENDPOINT: runs PROGRAM with a file that says where the service "echo" is
at() {
  printf '[echo]\nendpoints = %s\n' "${*: -1}" >"$tmp/services.conf"
  timeout 30 "${@:1:$#-1}" "$tmp/services.conf"
}

# says EXPECTED SERVER... -- PROGRAM: PROGRAM, run on the server, prints EXPECTED and nothing else
says() {
  local expected=$1
  shift
  with_server "$@" >"$tmp/said" 2>&1
  printf '%s\n' "$expected" | same - "$tmp/said"
}

# ---- installed ----

root="$tmp/a destination/usr"
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$source/meson.build")

install_aside() {
  local prefix pc
  DESTDIR="$tmp/stage" meson install -C "$build" --no-rebuild || return 1
  pc=$(find "$tmp/stage" -name tlc.pc)
  prefix=$(sed -n 's/^prefix=//p' "$pc")
  mkdir -p "$tmp/a destination" && mv "$tmp/stage$prefix" "$root" || return 1

  # what `meson setup --prefix` would have written there
  pc=$(find "$root" -name tlc.pc)
  sed -i "s|^prefix=.*|prefix=${root// /\\\\ }|" "$pc"
}
check "installs" install_aside
pcdir=$(dirname "$(find "$root" -name tlc.pc)")
if [ ! -e "$pcdir/tlc.pc" ]; then
  echo "Bail out! nothing is installed"
  exit 1
fi
libdir=$(dirname "$pcdir")
lib="$libdir/libtlc.so"
export PKG_CONFIG_PATH="$pcdir"
eval "cflags=($(pkg-config --cflags tlc))"
eval "libs=($(pkg-config --libs tlc))"

installed() {
  local file
  for file in "$root/bin/tlc-types" "$root/share/man/man1/tlc-types.1" "$root/bin/tlc" \
    "$root/share/man/man1/tlc.1" "$lib"; do
    [ -e "$file" ] || { echo "missing: $file"; return 1; }
  done
  # every public header of the source, and the one that is made
  ls "$source"/include/tlc/*.{h,h.in} | sed 's|.*/||; s|\.in$||' | sort >"$tmp/wanted"
  ls "$root/include/tlc" | sort | same "$tmp/wanted" -
}
check "library, headers, tool and manual page are there" installed
check "pkg-config knows the version" pkg-config --exact-version="$version" tlc
check "pkg-config requires Thrift, which generated code is compiled with" \
  bash -c 'pkg-config --print-requires tlc | grep -q "^thrift_c_glib"'

mkdir "$tmp/my program"
cp "$source/examples/call.c" "$tmp/my program"
cd "$tmp/my program" || exit 2
check "thrift generates C" thrift --gen c_glib "$source/idl/echo.thrift"
check "tlc-types registers its types" "$root/bin/tlc-types" -o echo-types.c gen-c_glib/*.h
check "gcc compiles the program with pkg-config's flags" \
  gcc -Wall -Wextra -Werror -c call.c echo-types.c -isystem gen-c_glib "${cflags[@]}"
check "gcc links it" gcc -w -o call call.o echo-types.o gen-c_glib/*.c -Igen-c_glib \
  "${cflags[@]}" "${libs[@]}"
check "it loads the library by its soname" \
  bash -c 'readelf -d call | grep -F "(NEEDED)" | grep -qF "[libtlc.so.0]"'

run=(env "LD_LIBRARY_PATH=$libdir" ./call)
if [ -n "${TLC_SERVER_CPP-}" ]; then
  check "it calls the C++ server" says "cpp says 1 + 2 = 3" \
    "$TLC_SERVER_CPP" --name cpp -- "${run[@]}"
else
  skip "it calls the C++ server" "no C++ server here"
fi
if [ -n "${TLC_SERVER_PY-}" ]; then
  check "it calls the Python server" says "python says 1 + 2 = 3" \
    /usr/bin/python3 "$TLC_SERVER_PY" --name python --gen "$TLC_GEN_PY" -- "${run[@]}"
else
  skip "it calls the Python server" "no Thrift for Python here"
fi

# ---- headers and symbols ----

printf '#include <tlc/tlc.h>\nint nothing;\n' >alone.c
cp alone.c alone.cc
pedantic=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only)
for compiler in gcc clang g++ clang++; do
  if command -v $compiler >/dev/null; then
    case $compiler in
      *++) file=alone.cc ;;
      *) file=alone.c ;;
    esac
    check "$compiler takes <tlc/tlc.h> alone" $compiler "${pedantic[@]}" "${cflags[@]}" $file
  else
    skip "$compiler takes <tlc/tlc.h> alone" "no $compiler here"
  fi
done

parts_refused() {
  local header
  for header in $(cat "$tmp/wanted"); do
    [ "$header" != tlc.h ] || continue
    echo "#include <tlc/$header>" >part.c
    if gcc -fsyntax-only "${cflags[@]}" part.c 2>"$tmp/refusal"; then
      echo "$header can be included directly"
      return 1
    fi
    grep -qF "Only <tlc/tlc.h> can be included" "$tmp/refusal" || { cat "$tmp/refusal"; return 1; }
  done
}
check "the other headers refuse to be included alone" parts_refused

# names on which a TLC_AVAILABLE stands; all names with the form of a prototype
declared='s{/\*.*?\*/}{}gs; while (/\bTLC_AVAILABLE_IN_\w+\s[^;(]*?\b(\w+)\s*\(/g) { print "$1\n" }'
prototypes='s{/\*.*?\*/}{}gs; s/^#(.*\\\n)*.*$//gm;
  while (/\b(tlc_\w+)\s*\([^;]*\)\s*;/g) { print "$1\n" }'
perl -0777 -ne "$declared" "$root"/include/tlc/*.h | sort >"$tmp/declared"
perl -0777 -ne "$prototypes" "$root"/include/tlc/*.h | sort >"$tmp/prototypes"
nm -D --defined-only "$lib" | awk '{ print $NF }' | sed 's/@.*//' | sort >"$tmp/exported"

check "each declared function is exported, and nothing else is" same "$tmp/declared" "$tmp/exported"
check "each prototype says since when" same "$tmp/prototypes" "$tmp/declared"
check "all exported names begin with tlc_, and there are some" \
  bash -c '[ -s "$0" ] && ! grep -v "^tlc_" "$0"' "$tmp/exported"
check "the soname is libtlc.so.0" \
  bash -c 'readelf -d "$0" | grep -F "(SONAME)" | grep -qF "[libtlc.so.0]"' "$lib"
check "it stays loaded (-z nodelete)" \
  bash -c 'readelf -d "$0" | grep -F "(FLAGS_1)" | grep -qw NODELETE' "$lib"

# ---- as a subproject ----

unset PKG_CONFIG_PATH
mkdir -p "$tmp/super project/subprojects"
cd "$tmp/super project" || exit 2
ln -s "$source" subprojects/tlc
cp "$source/idl/echo.thrift" "$source/examples/call.c" .
cat >meson.build <<'END'
project('outside', 'c', default_options: ['warning_level=0', 'buildtype=plain'])
tlc = dependency('tlc', version: '>= 0.1', fallback: 'tlc',
  default_options: ['tests=false', 'bench=false'])
echo = custom_target('echo',
  input: 'echo.thrift',
  output: ['echo.c', 'echo.h', 'echo_types.c', 'echo_types.h', 'identity.c', 'identity.h'],
  command: [find_program('thrift'), '-nowarn', '--gen', 'c_glib', '-out', '@OUTDIR@', '@INPUT@'],
)
types = custom_target('echo-types',
  input: [echo[1], echo[3], echo[5]],
  output: 'echo-types.c',
  command: [find_program('tlc-types'), '-o', '@OUTPUT@', '@INPUT@'],
)
executable('call', 'call.c', echo, types, dependencies: tlc)
END
check "a meson project configures with TLC as its subproject" \
  meson setup --force-fallback-for=tlc build
check "... and builds, with its tlc-types" ninja -C build call
if [ -n "${TLC_SERVER_CPP-}" ]; then
  check "... and calls" says "cpp says 1 + 2 = 3" "$TLC_SERVER_CPP" --name cpp -- build/call
else
  skip "... and calls" "no C++ server here"
fi

echo "1..$number"
exit $status
