"""Composite indices: from a table of indicators to scores and ranks, and how far they can be trusted.

Pure functions and frozen dataclasses on NumPy and SciPy. ``spec`` says what an index is, ``data`` what it is
computed from, ``build`` computes it; see docs/index.md.
"""
