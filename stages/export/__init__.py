"""Stage `export`: the whole classifier in other programs' formats."""
