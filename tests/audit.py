"""The pinned packages against the database of known vulnerabilities: `python -m tests.audit`, a part of `make check`.

It fails if a package has a vulnerability that is not in `IGNORED`. It is skipped with a line if the database cannot be
reached, or if it knows few of the packages, as a mirror without the database does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PINNED = Path(__file__).resolve().parent.parent / "constraints.txt"
IGNORED: Mapping[str, str] = {}
"""Ids of vulnerabilities that do not concern this project, and the reason why not."""
SECONDS, SECONDS_EACH = 120, 5
_UNREACHABLE = ("Could not connect", "Tried to connect", "timed out", "ConnectionError", "ServiceError", "SSLError")


def main() -> int:
    """Audit the pinned packages, print what was found, and return the exit status."""
    status, lines = audit([sys.executable, "-m", "pip_audit"], PINNED, IGNORED, SECONDS)
    for line in lines:
        print(f"pip-audit: {line}")
    return status


def audit(program: Sequence[str], pinned: Path, ignored: Mapping[str, str], seconds: float) -> tuple[int, list[str]]:
    """Return 1 if a vulnerability is not ignored or the program failed, else 0, and the lines to print."""
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", str(SECONDS_EACH), "-f", "json")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [*program, "-r", str(pinned), *options, "-o", str(out)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return 0, [f"skipped, because the database did not answer within {seconds:g} s"]
        if not out.is_file():
            said = done.stderr.strip().splitlines() or [f"nothing, exit status {done.returncode}"]
            if any(word in done.stderr for word in _UNREACHABLE):
                return 0, [f"skipped, because the database cannot be reached: {said[-1][:200]}"]
            return 1, [f"failed: {said[-1][:200]}"]
        packages = json.loads(out.read_text(encoding="utf-8"))["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    found = list(_found(known))
    lines = [f"{line} ({ignored[name]}; ignored)" if name in ignored else line for name, line in found]
    open_ones = [name for name, _ in found if name not in ignored]
    lines += [f"{name} is ignored and was not found: remove it" for name in ignored if name not in dict(found)]
    if open_ones:
        fix = "raise its version in constraints.txt, or add it to IGNORED in tests/audit.py with a reason"
        return 1, [*lines, f"{len(open_ones)} known vulnerabilities; {fix}"]
    if 2 * len(known) < len(packages):
        return 0, [*lines, f"skipped, because the database knows only {len(known)} of {len(packages)} packages"]
    return 0, [*lines, f"no further vulnerability is known in {len(known)} of {len(packages)} packages"]


def _found(packages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the id of each vulnerability, and a line that says in which package and version, and what fixes it."""
    for package in packages:
        for one in package["vulns"]:
            fixed = ", ".join(one["fix_versions"]) or "no version"
            yield one["id"], f"{package['name']} {package['version']} has {one['id']}, fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(main())
