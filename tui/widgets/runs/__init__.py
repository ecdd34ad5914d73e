"""The list of runs and what stands beside it."""
