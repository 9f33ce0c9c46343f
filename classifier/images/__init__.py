"""From an image's bytes to pixels, their augmentation and their perceptual hash."""
