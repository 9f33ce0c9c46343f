"""Which images have similar features."""
