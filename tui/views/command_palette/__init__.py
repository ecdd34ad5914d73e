"""What is found among commands, and what a typed one means."""
