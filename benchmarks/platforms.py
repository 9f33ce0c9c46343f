"""Which pins of requirements.txt lack a wheel on which platform and Python (needs uv).

    python -m benchmarks.platforms [--requirements requirements.txt]

Nothing is downloaded but what package indexes say of the pins. Those without a wheel anywhere are
named below the table: pip builds them from source, which must be pure Python. Fails if a platform
that the README names lacks another.
"""

import argparse
import itertools
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {  # as the README calls them, and uv
    "Linux x86-64, glibc 2.28": "x86_64-manylinux_2_28",
    "Linux arm64, glibc 2.35": "aarch64-manylinux_2_35",  # OpenVINO's
    "Windows x86-64": "x86_64-pc-windows-msvc",
    "macOS arm64": "aarch64-apple-darwin",
}
LATER_PYTHONS = ("3.14",)  # not supported; the table shows why
OTHER_PLATFORMS = {"macOS x86-64": "x86_64-apple-darwin"}
LACKING = re.compile(
    r"([\w.-]+)(?:\{[^}]*\})?(==\S+) (?:has no (?:usable )?wheels|depends on Python)"
)


def pins(path: Path) -> list[str]:
    """Returns the pins of a file with their markers, without their hashes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line[:1].isalnum()]


def lacking(wanted: list[str], platform: str, python: str) -> set[str]:
    """Returns the pins, `name==version`, that have no wheel where their marker asks for one."""
    command = ["uv", "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-platform", platform, "--python-version", python, "-"]
    found: set[str] = set()
    while True:  # uv names one at a time
        text = "\n".join(pin for pin in wanted if pin.partition(" ")[0] not in found)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return found
        named = LACKING.search(done.stderr)
        pin = named and named[1] + named[2]
        if not pin or pin in found:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        found.add(pin)


def main() -> int:
    """Prints the table; returns 1 if a supported platform lacks a wheel."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requirements", type=Path, default=Path("requirements.txt"))
    wanted = pins(parser.parse_args().requirements)
    platforms, pythons = PLATFORMS | OTHER_PLATFORMS, PYTHONS + LATER_PYTHONS
    places = list(itertools.product(platforms, pythons))
    with ThreadPoolExecutor(4) as pool:  # they wait for answers of the index
        rows = pool.map(lambda place: lacking(wanted, platforms[place[0]], place[1]), places)
        table = dict(zip(places, rows, strict=True))
    nowhere = set.intersection(*table.values())
    print(f"| | {' | '.join(f'Python {python}' for python in pythons)} |")
    print("|---" * (len(pythons) + 1) + "|")
    for name in platforms:
        cells = (", ".join(sorted(table[name, python] - nowhere)) or "ok" for python in pythons)
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\nFrom source everywhere: {', '.join(sorted(nowhere)) or 'nothing'}")
    return int(any(table[place] - nowhere for place in itertools.product(PLATFORMS, PYTHONS)))


if __name__ == "__main__":
    sys.exit(main())
