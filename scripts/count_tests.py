"""Compares the tests that the Catch2 binaries of a build list with those that CTest would run.

usage: python3 scripts/count_tests.py build/release

Why: CTest learns the tests by running each binary once after its link. A binary that crashes then,
or a name that CTest cuts (';'), would leave tests out in silence.
"""

import json
import pathlib
import subprocess
import sys


def names_in(binary, launcher):
    """The binary's own list. Catch2 v2 exits with the number of tests (255 for more); v3 does not
    know v2's option and exits with 0."""
    for options in (["--list-test-names-only"], ["--list-tests", "--verbosity", "quiet"]):
        listed = subprocess.run([*launcher, binary, *options], capture_output=True, text=True)
        names = [line.strip() for line in listed.stdout.splitlines() if line.strip()]
        good = min(len(names), 255) if options[0] == "--list-test-names-only" else 0
        if listed.returncode == good:
            return names or sys.exit(f"{binary}: has no tests")
    sys.exit(f"{binary}: cannot list its tests (status {listed.returncode}): {listed.stderr}")


def main(build):
    build = pathlib.Path(build).resolve()
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                           capture_output=True, text=True, check=True)
    known = {}  # binary -> names that CTest has for it
    launchers = {}  # binary -> what goes before it (setarch)
    for test in json.loads(shown.stdout)["tests"]:
        command = test.get("command", [])
        binary = next((word for word in command if word.startswith(f"{build}/tests/")), None)
        known.setdefault(binary, []).append(test["name"])
        launchers[binary] = command[:command.index(binary)] if binary else []

    total = 0
    for name in (build / "tests" / "binaries.txt").read_text().split():
        binary = str(build / "tests" / name)
        listed = names_in(binary, launchers.get(binary, []))
        in_ctest = known.get(binary, [])
        if sorted(listed) != sorted(in_ctest):
            lost = sorted(set(listed) - set(in_ctest))
            sys.exit(f"{binary} lists {len(listed)} tests, CTest {len(in_ctest)}; lost: {lost[:5]}")
        total += len(listed)
    print(f"CTest knows all {total} tests of the test binaries")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
