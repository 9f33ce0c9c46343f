"""Stage `evaluate`: how good the head is, on images it did not learn from."""
