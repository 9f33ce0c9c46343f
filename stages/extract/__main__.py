"""`python -m stages.extract`; with `--shard K/N`, one of several shards of its features."""

import argparse
from importlib import import_module

from classifier.common import shard
from classifier.common.errors import run_main


def main() -> None:
    """Runs the stage, or computes a shard."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.extract",
        description="Compute the features of every image, and collect them in results/.",
    )
    parser.add_argument(
        "--shard",
        type=shard.parse,
        metavar="K/N",
        help="compute only shard K of N into .cache/shards, on one of N machines",
    )
    shard_ = parser.parse_args().shard
    if shard_:
        import_module("stages.extract.shard").main(*shard_)
    else:
        import_module("stages.extract.stage").main()


run_main(main)
