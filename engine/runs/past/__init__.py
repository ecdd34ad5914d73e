"""Runs as they were at a moment: from what their files say with a time, and nothing later."""
