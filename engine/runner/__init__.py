"""What happens in a run's own process: its attempt, its program, its output."""
