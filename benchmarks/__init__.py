"""Benchmarks, run by hand and recorded in `results/`; never a test."""
