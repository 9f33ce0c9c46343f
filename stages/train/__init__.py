"""Stage `train`: the head, and the blocks before it."""
