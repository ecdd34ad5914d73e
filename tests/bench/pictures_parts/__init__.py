"""What the pictures of the app are made of: a project with awkward runs, a terminal, and what is drawn of it."""
