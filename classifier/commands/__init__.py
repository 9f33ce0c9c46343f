"""The programs that `python -m classifier` lists."""
