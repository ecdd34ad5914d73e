"""What other trackers write: TensorBoard's event files, offline runs of Weights & Biases, folders of MLflow."""
