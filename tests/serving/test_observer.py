import re
import subprocess
import sys

from tests.project import ROOT

THREADS, LINES = 8, 300
TELL = f"""
import sys
from threading import Thread
from classifier.serving.observer import Observer
from classifier.serving.request_metrics import RequestMetrics
sys.setswitchinterval(1e-6)
observer = Observer(RequestMetrics())
def tell():
    for _ in range({LINES}):
        observer.request("127.0.0.1", "GET", "/", 200, 0.001)
threads = [Thread(target=tell) for _ in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_each_request_has_a_line_of_its_own_whatever_else_is_answered():
    done = subprocess.run(
        [sys.executable, "-c", TELL], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    assert len(lines) == THREADS * LINES
    assert {
        line for line in lines if not re.fullmatch(r"\S+Z 127\.0\.0\.1 GET / 200 1 ms", line)
    } == set()
