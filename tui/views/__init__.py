"""Snapshot in, rows and lines out: what screens show, without a screen."""
