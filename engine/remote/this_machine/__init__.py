"""What runs on this machine of a link to a far end: the connection, the mirror, what is sent and what arrives."""
