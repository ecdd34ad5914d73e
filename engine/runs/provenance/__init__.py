"""What made a run: the code beside its commit, and the packages that were installed."""
