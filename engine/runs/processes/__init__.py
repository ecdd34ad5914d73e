"""The processes of a run: which they are, and how they are ended."""
