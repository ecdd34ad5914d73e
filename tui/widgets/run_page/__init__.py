"""The page of one run: confusion, classes, facts, log."""
