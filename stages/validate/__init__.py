"""Stage `validate`: read every file once and say what is wrong with it."""
