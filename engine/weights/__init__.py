"""Weights that others trained, as tensors under our names: found here or on a hub, read, never unpickled."""
