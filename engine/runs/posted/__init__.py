"""A run that was sent to a site: its posting, what the site says of it, and the state that follows."""
