"""How a run is trained: data, optimizer, loop, metrics and checkpoints. Imports torch."""
