"""What made two runs, and in what that differs."""
