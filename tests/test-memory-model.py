#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test-memory-model.py SOURCE_ROOT: every place that orders memory is tagged, every tag is explained.

Fails on a site (an _explicit operation or a memory_order_ argument) without ORDER(tag) in a comment above it, in
its own function; on a tag that stands only once, or has no section in docs/memory-model.md; on a section without a
tag; and on seq_cst by default, volatile and g_atomic_* in the library's own code.
"""
import collections
import pathlib
import re
import sys

# A comment may explain two operations that follow each other; it may itself be some lines long.
REACH = 14

BY_CHANCE = re.compile(r"\bvolatile\b|\bg_atomic_\w+ \(|"
                       r"\batomic_(?!\w*_explicit)(load|store|exchange|fetch|compare|flag)\w* \(")

root = pathlib.Path(sys.argv[1])
tags = collections.Counter()
untagged, sites, banned = [], 0, []

for path in sorted((root / "src").rglob("*.[ch]")):
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines):
        tags.update(re.findall(r"ORDER\(([a-z.]+)\)", line))
        code = re.sub(r"/\*.*?\*/", "", line)
        if BY_CHANCE.search(code) and not line.lstrip().startswith("*"):
            banned.append(f"{path.relative_to(root)}:{number + 1}: {line.strip()}")
        if not re.search(r"\batomic_\w+_explicit \(", code):
            continue
        sites += 1
        above = lines[max(0, number - REACH):number + 1]
        for start in range(len(above) - 1, -1, -1):
            if above[start] == "{":  # the beginning of the function
                above = above[start:]
                break
        if not any("ORDER(" in text for text in above):
            untagged.append(f"{path.relative_to(root)}:{number + 1}: {line.strip()}")

sections = set(re.findall(r"^## ([a-z.]+)$", (root / "docs/memory-model.md").read_text(), re.M))
checks = [
    (f"each of {sites} sites is tagged", untagged if sites else ["no site found"]),
    (f"each of {len(tags)} tags stands at least twice", [tag for tag, n in tags.items() if n < 2]),
    ("each tag has a section", sorted(set(tags) - sections)),
    ("each section has a tag", sorted(sections - set(tags))),
    ("no order is left to chance", banned),
]
print(f"1..{len(checks)}")
for number, (what, faults) in enumerate(checks, 1):
    print(f"{'not ok' if faults else 'ok'} {number} - {what}")
    for fault in faults:
        print(f"# {fault}")
sys.exit(any(faults for _, faults in checks))
