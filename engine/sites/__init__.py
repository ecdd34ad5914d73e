"""Where a run's process is: this machine and its devices."""
