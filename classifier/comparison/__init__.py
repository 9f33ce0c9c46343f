"""Compare the run in the project folder with the one that a git commit holds."""
