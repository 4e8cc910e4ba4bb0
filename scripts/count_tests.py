"""Compares the tests that the Catch2 binaries of a build list with those that CTest would run.

usage: python3 scripts/count_tests.py build/release

Why: CTest learns the tests by running each binary once after its link. A binary that crashes then, a
name that CTest cuts (';'), or a folder that nobody added would leave tests out in silence.
"""

import json
import pathlib
import subprocess
import sys


def names_in(binary, launcher):
    """The binary's own list. Catch2 v2 exits with the number of tests, v3 with 0 and another flag."""
    listed = subprocess.run([*launcher, binary, "--list-test-names-only"], capture_output=True, text=True)
    names = [line for line in listed.stdout.splitlines() if line]
    if listed.returncode == len(names) % 256 and names:
        return names
    listed = subprocess.run([*launcher, binary, "--list-tests", "--verbosity", "quiet"],
                            capture_output=True, text=True)
    names = [line.strip() for line in listed.stdout.splitlines() if line.strip()]
    if listed.returncode != 0:
        sys.exit(f"{binary}: cannot list its tests (status {listed.returncode}): {listed.stderr.strip()}")
    if not names:
        sys.exit(f"{binary}: has no tests")
    return names


def main(build):
    build = pathlib.Path(build).resolve()
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                           capture_output=True, text=True, check=True)
    known = {}  # binary -> names that CTest has for it
    launchers = {}  # binary -> what goes before it (setarch)
    for test in json.loads(shown.stdout)["tests"]:
        command = test.get("command", [])
        binary = next((word for word in command if word.startswith(str(build / "tests"))), None)
        known.setdefault(binary, []).append(test["name"])
        launchers[binary] = command[:command.index(binary)] if binary else []

    total = 0
    for name in (build / "tests" / "binaries.txt").read_text().split():
        binary = str(build / "tests" / name)
        listed = names_in(binary, launchers.get(binary, []))
        lost = sorted(set(listed) - set(known.get(binary, [])))
        if lost or len(listed) != len(known[binary]):
            sys.exit(f"{binary} lists {len(listed)} tests and CTest has {len(known.get(binary, []))} of "
                     f"them; lost: {lost[:5]}")
        total += len(listed)
    print(f"CTest knows all {total} tests of the test binaries")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
