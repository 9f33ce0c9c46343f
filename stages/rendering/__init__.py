"""A small ray marcher that photographs things which are formulas."""
