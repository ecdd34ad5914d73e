"""The parts of tests/bench/gpu.py: each prints Markdown, and may be run alone."""
