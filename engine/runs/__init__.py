"""A run is a folder: its files, its state, its entry in the queue, its tags and note."""
