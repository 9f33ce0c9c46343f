"""The dataset: files found, what is wrong with them, splits, features."""
