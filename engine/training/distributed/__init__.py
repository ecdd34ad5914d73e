"""Training on several GPUs: the processes, and how they speak with the run's own."""
