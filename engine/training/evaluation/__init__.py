"""Measures a model on a whole split: the evaluator, and torchmetrics as it is imported and used here."""
