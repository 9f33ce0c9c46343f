"""What the bits of a result depend on besides the image: two machines must agree in all of it."""

import platform
import re
from pathlib import Path
from typing import NamedTuple

CPU_INFO = Path("/proc/cpuinfo")  # of Linux
VECTOR_FLAGS = ("sse", "ssse", "avx", "amx", "fma", "f16c", "asimd", "sve", "sme", "i8mm", "bf16")


class Identity(NamedTuple):
    """A machine, as far as results depend on it."""

    libraries: str  # that decode and compute, with their versions
    fingerprint: str  # of all that a result depends on, as in the cache
    instructions: str  # of the processor


def of_machine(libraries: str, fingerprint: str) -> Identity:
    """Returns the identity of this machine, which has such libraries."""
    return Identity(libraries, fingerprint, instructions(CPU_INFO))


def instructions(cpu_info: Path) -> str:
    """Returns the processor's kind and its vector instructions: libraries choose code by them.

    Args:
        cpu_info: Linux's list of the processor's features.
    """
    try:
        flags = re.search(r"^(?:flags|Features)\s*:(.*)", cpu_info.read_text("utf-8"), re.M)
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    names = flags[1].split() if flags else []
    return " ".join([platform.machine(), *sorted(n for n in names if n.startswith(VECTOR_FLAGS))])


def difference(own: Identity, expected: Identity) -> str:
    """Returns why a machine must not take part; empty if it may."""
    if own == expected:
        return ""
    if own.libraries != expected.libraries:
        rule = f"must have the libraries of the machine that runs `dvc repro`, {expected.libraries}"
        return f"{rule}; got {own.libraries}: install requirements.txt there"
    if own.fingerprint != expected.fingerprint:
        rule = f"must compute results of fingerprint {expected.fingerprint[:16]}"
        return f"{rule}; got {own.fingerprint[:16]}: its network or its code is another one"
    lacks = sorted(set(expected.instructions.split()) - set(own.instructions.split()))
    more = sorted(set(own.instructions.split()) - set(expected.instructions.split()))
    found = [f"without {' '.join(lacks)}"] * bool(lacks) + [f"with {' '.join(more)}"] * bool(more)
    return (
        "must have the processor of the machine that runs `dvc repro`, because the last bits of "
        f"results depend on it; got one {' and '.join(found)}: take the machine out of the "
        "cluster, or run `dvc repro` on one like it"
    )
