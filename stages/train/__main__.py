"""`python -m stages.train`."""

from classifier.common.errors import run_main


def main() -> None:
    """Imports the stage, so that a missing package is reported in one line, and runs it."""
    from stages.train import stage

    stage.main()


if __name__ == "__main__":  # not in the processes that a pool starts
    run_main(main)
