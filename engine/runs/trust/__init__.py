"""Who queued a run: nothing starts by itself that this user did not queue."""
