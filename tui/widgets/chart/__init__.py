"""Charts: curves drawn in braille on axes."""
