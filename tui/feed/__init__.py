"""The thread that reads: it follows runs, the queue and the machine, and posts snapshots."""
