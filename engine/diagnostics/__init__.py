"""`engine doctor`: what is wrong with a machine, an installation, a run, and what mends it."""
