#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sums up test runs: one case per TAP line, one per test that has only an exit status.

usage: count-tests.py BUILD_DIR:STATUS...

STATUS is what the run in BUILD_DIR ended with, or "nobuild" when it never got that far.  The last
line is "N passed, N failed"; the exit status is 0 when something passed and nothing failed.

Reads meson-logs/testlog.json, because meson's JUnit file shows a test that timed out, and a TAP
test that died after its last good line, as passed.
"""

import json
import pathlib
import re
import sys

CASE = re.compile(r"^(not )?ok\b[^#]*(?:#\s*(\S+))?", re.IGNORECASE)
EMPTY_PLAN = re.compile(r"^1\.\.0\b", re.MULTILINE)
GOOD = {"OK", "EXPECTEDFAIL", "SKIP"}


class Count:
    def __init__(self):
        self.passed = 0
        self.skipped = 0
        self.failed = []

    def add_tap(self, name, output):
        """Counts the cases of a TAP stream; True when there was one."""
        found = False
        for line in output.splitlines():
            case = CASE.match(line)
            if not case:
                continue
            found = True
            directive = (case.group(2) or "").upper()
            if directive.startswith("SKIP"):
                self.skipped += 1
            elif case.group(1) and not directive.startswith("TODO"):
                self.failed.append(f"{name}: {line}")
            else:
                self.passed += 1
        return found

    def add_test(self, test, is_tap):
        name, result = test["name"], test["result"]
        output = test.get("stdout") or ""
        failed_before = len(self.failed)
        if is_tap:
            if not self.add_tap(name, output) and result in GOOD:
                if EMPTY_PLAN.search(output):
                    self.skipped += 1
                else:
                    self.failed.append(f"{name}: printed no test case")
        elif result == "SKIP":
            self.skipped += 1
        elif result in GOOD:
            self.passed += 1
        if result not in GOOD and len(self.failed) == failed_before:
            self.failed.append(f"{name}: {result}, exit status {test.get('returncode')}")


def count_build(build, status):
    count = Count()
    if status == "nobuild":
        count.failed.append("did not build")
        return count
    try:
        protocols = {
            test["name"]: test["protocol"]
            for test in json.loads((build / "meson-info/intro-tests.json").read_text())
        }
        log = (build / "meson-logs/testlog.json").read_text()
    except OSError as error:
        count.failed.append(f"no results: {error}")
        return count
    for line in log.splitlines():
        test = json.loads(line)
        # the log names a test "project:suite / name"
        is_tap = any(
            protocol == "tap" and f" / {test['name']}".endswith(f" / {name}")
            for name, protocol in protocols.items()
        )
        count.add_test(test, is_tap)
    if status != "0" and not count.failed:
        count.failed.append(f"meson test ended with status {status}")
    return count


def main(arguments):
    passed = failed = 0
    for argument in arguments:
        build, _, status = argument.rpartition(":")
        count = count_build(pathlib.Path(build), status)
        for failure in count.failed:
            print(f"FAILED  {build}: {failure}")
        print(
            f"{build}: {count.passed} passed, {len(count.failed)} failed, {count.skipped} skipped"
        )
        passed += count.passed
        failed += len(count.failed)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
