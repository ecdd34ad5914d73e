"""What runs say: which of them count, means over seeds, intervals, tests and conclusions."""
