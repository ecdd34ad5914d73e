"""Tests, intervals and plans over seeds and over images, as pure functions."""
