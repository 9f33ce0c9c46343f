"""A shard of some work, for one of several machines: `3/8` is the third of eight."""

import argparse
import re


def parse(text: str) -> tuple[int, int]:
    """Returns K and N of a shard K/N, for argparse."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"must be K/N with K from 1 to N; got {text!r}")
    return int(match[1]), int(match[2])
