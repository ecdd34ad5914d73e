"""Where a run's process is: this machine and its devices, a cluster's own programs, a machine over ssh."""
