"""Who runs next: the queue's order, the plan, the worker, retries, forecasts."""
