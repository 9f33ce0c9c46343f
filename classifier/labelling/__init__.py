"""Teach the classifier: which images to label next, and the page on which they are labelled."""
