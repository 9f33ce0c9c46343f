"""Stage `extract`: features of every image."""
