/* What tests, benches and examples share: every type that the wire knows, calls that fail, take time,
 * answer at length or not at all, and calls that say who served them and how often. */

namespace cpp echo
namespace py echo

enum Color {
  RED = 1,
  GREEN = 2,
  BLUE = 5
}

typedef i64 Timestamp

struct Empty {
}

struct Point {
  1: i32 x,
  2: i32 y
}

/* the element of large replies */
struct Sample {
  1: i32 id,
  2: string name,
  3: double value
}

/* nests as deep as you like */
struct Tree {
  1: i32 value,
  2: list<Tree> children
}

struct Everything {
  1: bool a_bool,
  2: i8 a_byte,
  3: i16 an_i16,
  4: i32 an_i32,
  5: i64 an_i64,
  6: double a_double,
  7: string a_string,
  8: binary a_binary,
  9: Color a_color,
  10: Timestamp a_timestamp,
  11: Point a_point,
  12: list<bool> bools,
  13: list<i8> bytes,
  14: list<i16> i16s,
  15: list<i32> i32s,
  16: list<i64> i64s,
  17: list<double> doubles,
  18: list<string> strings,
  19: list<binary> binaries,
  20: list<Color> colors,
  21: list<Point> points,
  22: list<list<i32>> rows,
  23: set<i32> i32_set,
  24: set<string> string_set,
  25: map<string, i32> counts,
  26: map<i32, Point> places,
  27: map<string, list<i64>> series,
  28: map<i32, map<string, string>> tables,
  29: optional i32 maybe_i32,
  30: optional string maybe_string,
  31: i32 with_default = 42,
  /* ids that are not in order, far apart and beyond 64 */
  300: i32 far,
  64: i32 edge,
  65: i32 beyond
}

struct Strict {
  1: required i32 must,
  2: optional i32 may
}

exception Rejected {
  1: string reason,
  2: i32 code
}

exception NotFound {
  1: string key
}

service Identity {
  /* who served this: the name the server was started with */
  string who(),
}

service Echo extends Identity {
  i32 add(1: i32 a, 2: i32 b),
  void ping(),

  bool echo_bool(1: bool value),
  i8 echo_byte(1: i8 value),
  i16 echo_i16(1: i16 value),
  i32 echo_i32(1: i32 value),
  i64 echo_i64(1: i64 value),
  double echo_double(1: double value),
  string echo_string(1: string value),
  binary echo_binary(1: binary value),
  Color echo_color(1: Color value),
  Point echo_point(1: Point value),
  Tree echo_tree(1: Tree value),
  Everything echo_everything(1: Everything value),
  Strict echo_strict(1: Strict value),
  /* not "value": the generated c_glib writer of a set has a local of that name, and would send an empty one */
  list<i32> echo_list(1: list<i32> elements),
  set<i32> echo_set(1: set<i32> elements),
  map<string, i32> echo_map(1: map<string, i32> entries),

  /* large replies: count elements, made by the server, the same each time */
  list<Sample> samples(1: i32 count),
  list<i32> numbers(1: i32 count),
  list<string> words(1: i32 count),
  binary blob(1: i32 size),

  /* answers value after that many milliseconds */
  i32 take(1: i32 milliseconds, 2: i32 value),

  /* code 0 returns 0; 1 throws Rejected, 2 NotFound, anything else fails inside the server, undeclared */
  i32 fail(1: i32 code) throws (1: Rejected rejected, 2: NotFound not_found),

  /* run counts one execution under request; executions says how often run or note were given it */
  i32 run(1: string request),
  i32 executions(1: string request),
  oneway void note(1: string request),
}
