"""Published weights: where they come from, and how their layout becomes ours."""
