"""The dashboard: runs, charts and what goes on, on one screen."""
