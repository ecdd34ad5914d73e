"""The machine: GPUs, memory, load, and the queue."""
