"""What is concluded of experiments: pairs, the best, and both in words."""
