import os
import re
import subprocess
import sys

import pytest

from classifier.common import progress
from tests.project import ROOT


def test_the_bar_is_silent_without_a_terminal(capfd):
    with progress.bar("work", 10) as bar:
        bar.update(10)
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_images_per_second_and_time_left():
    termios = pytest.importorskip("termios", reason="Windows has no pseudo-terminals")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    code = "import time; from classifier.common import progress\n"
    code += "with progress.bar('work', 100) as bar:"
    code += "\n  for _ in range(20): time.sleep(0.02); bar.update()"
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, cwd=ROOT)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert re.search(r"work: +\d+%.*\d+/100 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ images/s\]", shown)
