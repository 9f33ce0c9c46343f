"""Stage `inspect`: duplicates, leaks, label errors and outliers."""
