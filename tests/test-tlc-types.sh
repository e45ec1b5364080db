#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test-tlc-types.sh TLC_TYPES
#
# The tool alone: what it finds, what it writes, what it refuses. The written files are compiled against
# a tlc.h of the test's own, whose tlc_register_types() prints the types that it is given.
set -u
# shellcheck source=tests/support/tap.sh
source -- "$(dirname -- "$0")/support/tap.sh"

tool=$(realpath "$1")
cc=${CC:-cc}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2
export LC_ALL=C

# refused TEXT ARGUMENT...: the tool fails with 1, says TEXT in one line on stderr, and writes nothing
refused() {
  local text=$1 code
  shift
  rm -f out.c
  "$tool" "$@" >stdout 2>stderr
  code=$?
  cat stderr
  [ $code -eq 1 ] && [ ! -s stdout ] && [ "$(wc -l <stderr)" -eq 1 ] && grep -qF -- "$text" stderr \
    && [ ! -e out.c ] && ! ls out.c.* 2>/dev/null
}

same() {
  diff -u <(printf '%s' "$1") <(printf '%s' "$2")
}

# prints FILE_WITH_MAIN GENERATED...: compiled with warnings as errors, what the program prints
prints() {
  "$cc" -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Werror -I. -Iinclude -I"spaced folder" \
    "$@" -o program && ./program
}

mkdir -p include/tlc "spaced folder" other
cat >include/tlc/tlc.h <<'END'
#include <stdio.h>
typedef unsigned long gsize;
typedef gsize GType;
typedef GType (*TlcTypeFunc) (void);
#define G_N_ELEMENTS(array) (sizeof (array) / sizeof ((array)[0]))
static inline void
tlc_register_types (const TlcTypeFunc *types, gsize n_types)
{
  for (gsize i = 0; i < n_types; i++)
    printf ("%lu ", types[i] ());
}
END
cat >one.h <<'END'
#pragma once
#include "spaced folder/two.h"
/* GType commented_get_type (void); */
// GType commented2_get_type (void);
#define MACRO GType defined_get_type (void); \
  GType defined2_get_type (void);
#define TYPE_A (a_get_type()) /* a comment
   that goes on: GType commented3_get_type (void); */
#define TEXT "/*"
static inline const char *text (void) { return "GType quoted_get_type (void); \" */"; }
static inline int quote (void) { return '"'; }
static inline GType a_get_type (void) { return 1; }
static inline GType
b_get_type
  (  void  ) { return 2; }
static inline GType with_get_type_inside (void) { return 7; }
static inline GType takes_get_type (int n) { return (GType) n; }
typedef GType MyGType;
static inline MyGType alias_get_type (void) { return 8; }
static inline GType quote2 (void) { return (GType) quote () + (GType) text ()[0]; }
END
cat >"spaced folder/two.h" <<'END'
#pragma once
static inline GType a2_get_type (void) { return 3; }
static inline GType/**/z_get_type/**/(/**/void/**/)/**/{ return 4; }
END
printf '/* caf\xe9 */\r\nstatic inline GType c_get_type (void) { return 5; }\r\n' >latin1.h
printf '#if 0\ncaf\xe9 l\x27\xe9t\xe9, GType t1_get_type (void);\n#endif\nGType t2_get_type (void);\n' >text.h
echo 'int nothing;' >nothing.h
echo '/* GType x_get_type (void); */' >comment.h
printf 'static inline GType d_get_type (void) { return 6; }\n/* not closed GType e_get_type (void);' >open.h
cp one.h other/one.h
cp one.h 'q".h'
echo 'int main (void) { return puts ("main") < 0; }' >main-body
{ echo '#include <stdio.h>'; cat main-body; } >main.c
{ echo '#include <stdio.h>'; echo 'void plain_register_types (void);'; echo 'void given (void);'
  echo 'int main (void) { puts ("main"); plain_register_types (); given (); return 0; }'; } >call.c

good() {
  "$tool" -o echo-types.c one.h "spaced folder/two.h" && same "$(prints main.c echo-types.c)" "3 1 2 4 main"
}
check "finds the functions, not those in comments, literals and macros; registers before main()" good

order() {
  "$tool" -o x.c one.h "spaced folder/two.h" latin1.h && "$tool" -o y.c latin1.h "spaced folder/two.h" one.h \
    && same "$(sed s/x_/N_/ x.c)" "$(sed s/y_/N_/ y.c)"
}
check "the order of the headers does not matter" order

repeatable() {
  local first
  first=$(cat echo-types.c)
  "$tool" -o echo-types.c one.h "spaced folder/two.h" && same "$first" "$(cat echo-types.c)"
}
check "writes the same again, over what is there" repeatable

no_constructor() {
  "$tool" --no-constructor -o plain-types.c one.h && "$tool" --no-constructor --name given -o g.c latin1.h \
    && same "$(prints call.c plain-types.c g.c)" "main
1 2 5 "
}
check "--no-constructor leaves it to the program; --name names the function" no_constructor

only_once() {
  "$tool" -o once.c one.h "spaced folder/two.h" open.h && [ "$(grep -c '_get_type,$' once.c)" = 5 ] \
    && cp one.h twin.h && "$tool" -o once.c one.h twin.h && [ "$(grep -c ' a_get_type,$' once.c)" = 1 ]
}
check "a function that two headers declare is listed once; a comment may be left open" only_once

latin1() {
  "$tool" -o latin1.c latin1.h && same "$(prints main.c latin1.c)" "5 main"
}
check "comments in another encoding and CRLF are read" latin1

text() {
  "$tool" -o text.c text.h && grep -q '^    t2_get_type,$' text.c
}
check "text that is not C, under #if 0, spoils nothing after it" text

# name FILE FUNCTION
name() {
  "$tool" -o "$1" one.h && grep -qx "void $2 (void);" "$1" && same "$(prints main.c "$1")" "1 2 main"
}
check "odd output name: two dots and a dash" name "a.b-c-types.c" a_b_c_register_types
check "odd output name: a digit in front" name "3d-types.c" _3d_register_types
check "odd output name: spaces, in the folder too" name "spaced folder/my file.c" my_file_register_types
check "odd output name: not ASCII" name $'caf\xc3\xa9.c' caf___register_types
check "odd output name: nothing left" name "_types.c" register_types
check "odd output name: no extension needed" "$tool" -o "$tmp/plain" one.h
check "odd header name: spaces" bash -c '
  cp one.h "my one.h" && "$0" -o m.c "my one.h" && grep -qx "#include \"my one.h\"" m.c' "$tool"

check "refuses: no header" refused "no header" -o out.c
check "refuses: no output" refused "no output" one.h
check "refuses: an empty output name" refused "no output" -o "" one.h
check "refuses: an unknown option" refused "--frob" --frob -o out.c one.h
check "refuses: a header that is not there" refused "missing.h" -o out.c one.h missing.h
check "refuses: a folder" refused "other" -o out.c one.h other
check "refuses: a header without types, by name" refused "nothing.h: no " -o out.c one.h nothing.h
check "refuses: types only in comments" refused "comment.h: no " -o out.c comment.h one.h
check "refuses: two headers of one name" refused "other/one.h: a header of this name" -o out.c one.h other/one.h
check "refuses: a header name with a quote" refused 'q".h' -o out.c 'q".h'
check "refuses: a function name that C does not allow" refused "a-b" --name a-b -o out.c one.h
check "refuses: an empty function name" refused "name in C" --name "" -o out.c one.h
check "refuses: an output folder that is not there" refused "nowhere" -o nowhere/out.c one.h

kept() {
  cp echo-types.c before.c
  ! "$tool" -o echo-types.c one.h nothing.h && cmp before.c echo-types.c
}
check "an error leaves the output of before" kept
check "--help" bash -c '"$0" --help | grep -q -- --no-constructor' "$tool"
check "--version" bash -c '"$0" --version | grep -Eqx "tlc-types [0-9]+\.[0-9]+\.[0-9]+"' "$tool"

end_tests
