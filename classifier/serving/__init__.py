"""The trained classifier at work on new images."""
