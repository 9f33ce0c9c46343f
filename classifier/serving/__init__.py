"""The trained classifier, for commands that classify new images."""
