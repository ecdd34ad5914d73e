"""Messages on what happened to runs: what they say, how they are kept until they are sent, and how they are sent."""
