"""What runs on the other machine: the far end of a link, which is an ordinary user of the engine there."""
