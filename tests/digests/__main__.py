"""`python -m tests.digests`: record digests of all that a user gets, or compare them with a record made before.

python -m tests.digests --write before.json --keep before     # on the commit before
python -m tests.digests --compare before.json --keep after    # exit code 1 where anything differs
diff -r before after                                          # how
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # Textual reads it when it is imported
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from digests import pages, plain, screens, traces  # noqa: E402
from digests.outside import alone  # noqa: E402
from digests.record import Record, compared  # noqa: E402

PARTS: dict[str, Callable[[Record], None]] = {
    "screens": screens.record,
    "plain": plain.record,
    "reports": pages.record,
    "traces": traces.record,
}


def main() -> int:
    """Record, and write or compare what was recorded."""
    parser = argparse.ArgumentParser(prog="python -m tests.digests", description=__doc__.split("\n\n")[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the digests: a JSON object, name to SHA-256")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="tell what differs from a file written before")
    parser.add_argument("--part", action="append", choices=PARTS, help="this part only; may be given again")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the texts too, so that diff can be used")
    options = parser.parse_args()
    parts = options.part or list(PARTS)
    keep = None if options.keep is None else options.keep.resolve()
    digests = recorded(parts[0], keep) if len(parts) == 1 else side_by_side(parts, keep)
    if options.write is not None:
        options.write.write_text(json.dumps(dict(sorted(digests.items())), indent=0) + "\n", "utf-8")
    if options.compare is None:
        print(f"{len(digests)} digests")
        return 0
    old = json.loads(options.compare.read_text("utf-8"))
    roots = {name.split("/")[0] for name in digests}
    old = {name: digest for name, digest in old.items() if not options.part or name.split("/")[0] in roots}
    lines = compared(old, digests)
    print("\n".join([*lines, f"{len(digests)} digests, {len(lines)} differ"]))
    return 1 if lines else 0


def recorded(part: str, keep: Path | None = None) -> dict[str, str]:
    """Return the digests of a part, made in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        record = Record(keep, {str(ROOT): "<here>", os.path.realpath(folder): "<folder>"})
        shutil.copytree(ROOT / "samples", Path(folder) / "samples")
        begun = time.monotonic()
        with alone(os.path.realpath(folder)):
            PARTS[part](record)
    print(f"{part}: {len(record.digests)} digests in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return record.digests


def side_by_side(parts: list[str], keep: Path | None) -> dict[str, str]:
    """Return the digests of several parts, each made by a process of its own, two at a time."""

    def one(part: str) -> dict[str, str]:
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            command = [sys.executable, "-m", "tests.digests", "--part", part, "--write", file.name]
            kept = [] if keep is None else ["--keep", str(keep)]
            subprocess.run([*command, *kept], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            digests: dict[str, str] = json.loads(Path(file.name).read_text("utf-8"))
            return digests

    with ThreadPoolExecutor(2) as pool:
        return {name: digest for digests in pool.map(one, parts) for name, digest in digests.items()}


if __name__ == "__main__":
    raise SystemExit(main())
