"""Measurements: `make bench` and `python benchmarks/display.py`. Nothing here is part of the package."""
