"""What the operating system offers: files, locks, processes, telemetry. Knows nothing of runs."""
