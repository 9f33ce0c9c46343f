"""A process's own peak memory."""

# On Linux a child inherits the peak that getrusage reports, so read the kernel's own number
CODE = """
import re, resource, sys
from pathlib import Path
if sys.platform == "linux":
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(peak / 1024)
"""
