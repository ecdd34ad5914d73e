"""A run is a folder: its files, its state, its place in the queue, what people say of it."""
