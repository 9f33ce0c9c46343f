"""What is unusual about a usable image: one module per check, listed in `registry`."""
