"""Pictures of the app: a project with awkward runs, a terminal, what is drawn of it, and what is wrong in it."""
