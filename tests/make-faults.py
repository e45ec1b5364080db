#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make-faults.py SOURCE_ROOT [--update]: docs/faults.md, made from what the tests say they prove.

A test of a fault has its row in its name, test_..._row_NN_..., and above it a comment whose first
sentence is the promise. Without --update it is a test, in TAP: the page is as the tests are, and
no row that is kept here is without one.
"""

import pathlib
import re
import sys

# What can happen to a call. Numbers are kept for good; rows to come have theirs.
ROWS = {
    1: "The server closes an idle connection before the next call",
    2: "The server closes between our look and our send",
    3: "The connection is reset in the middle of a reply",
    4: "The connection is closed in the middle of a reply, at each byte",
    5: "The peer is there no more, or stopped, after the connection was made",
    6: "Nobody accepts, or packets are swallowed, while connecting",
    7: "The connection is refused, or the host cannot be reached",
    8: "The backlog of a UNIX socket is full",
    9: "The reply drips",
    10: "The server reads nothing",
    11: "The reply comes after the deadline",
    12: "A message with a wrong number, name, type or version",
    13: "Two replies at once; bytes that nobody asked for",
    14: "A frame's length is 0, negative, or too large",
    15: "A frame is longer or shorter than its message",
    16: "A string's length is negative, or beyond the message",
    17: "A container's count is beyond the message, or its type unknown",
    18: "Nesting without end",
    19: "A field comes twice, a required one or the result not at all",
    20: "Garbage, HTTP, TLS; every byte changed, every end cut",
    21: "An exception, declared or not",
    22: "An exception that is cut short",
    23: "A oneway call to a peer that is gone",
    24: "Signals without end",
    25: "Each send and receive moves one byte",
    26: "Each system call fails, one after the other",
    27: "No more files can be opened",
    28: "Memory runs out",
    29: "Names: none, no answer, many addresses, others than before",
    30: "Addresses of all kinds",
    31: "fork() amid calls",
    32: "fork() in a program that prepares liburcu itself",
    33: "fork() and exec()",
    34: "A thread is cancelled, or exits, in the midst of a call",
    35: "Threads come and go while the service changes",
    36: "10,000 short threads",
    37: "Destructors of others that call when ours has run",
    38: "A storm of changes",
    39: "The endpoint of a call in flight is removed",
    40: "A file is cut, empty, binary, huge, unreadable, no file at all, missing",
    41: "A file is rewritten, renamed over, its symlink swapped; events are lost",
    42: "Changes where they would wait for themselves, or from destructors",
    43: "The service is closed while threads call",
    44: "The process exits, or a plugin is closed, while threads call",
    46: "The wall clock jumps; processes are stopped and go on",
    47: "A call from a signal handler, inside a call",
    49: "16 MiB of small values",
    51: "Elements of another type than declared",
    52: "Messages that are small on the wire and large in memory",
}

HEAD = """<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Made from the tests by tests/make-faults.py --update. Do not edit. -->
# Faults

What peers, networks and the system can do to a call, and what is promised for each case: the words of the tests that prove it.
Laws: 1 the hot path, 2 freshness, 3 identity (a reply reaches its call, or nobody), 4 once (what may have run is not
repeated, and errors say which it is), 5 bounded, 6 no pinned connection, 7 nothing left, 8 all or nothing, 9 no lock on
another's path, 10 a quiet host.
"""

TEST = re.compile(r"/\*((?:(?!\*/).)*)\*/\s*START_TEST \((test_\w*row_(\d+)_\w+)\)", re.S)


def promise(comment):
    """The comment's first sentence, on one line."""
    text = " ".join(line.strip().lstrip("*").strip() for line in comment.strip().splitlines())
    end = re.search(r"[.;](\s|$)", text.replace("e.g.", "eg  "))
    return text[: end.start()] if end else text


def read_tests(root):
    rows = {}
    for path in sorted((root / "tests").rglob("*.c")):
        for comment, name, row in TEST.findall(path.read_text()):
            rows.setdefault(int(row), []).append((promise(comment), name, path.relative_to(root)))
    return rows


def make_page(rows):
    lines = [HEAD]
    for row, title in ROWS.items():
        lines.append(f"## {row}. {title}\n")
        for text, name, path in rows.get(row, []):
            lines.append(f"- {text}. (`{name}` in `{path}`)")
        lines.append("")
    return "\n".join(lines)


def main():
    root = pathlib.Path(sys.argv[1])
    rows = read_tests(root)
    page, file = make_page(rows), root / "docs" / "faults.md"
    if "--update" in sys.argv:
        file.write_text(page)
        return
    cases = {
        "docs/faults.md is as the tests are (tests/make-faults.py . --update makes it)":
            file.exists() and file.read_text() == page,
        "each row has a test": not [row for row in ROWS if row not in rows],
        "each test's row is in the table": not [row for row in rows if row not in ROWS],
        "each promise names its law":
            all(text.startswith("Law ") for tests in rows.values() for text, _, _ in tests),
    }
    print(f"1..{len(cases)}")
    for number, (what, holds) in enumerate(cases.items(), 1):
        print(f"{'ok' if holds else 'not ok'} {number} - {what}")
    print("# rows without a test:", [row for row in ROWS if row not in rows])
    print("# without a law:", [name for tests in rows.values() for text, name, _ in tests if not text.startswith("Law ")])


main()
