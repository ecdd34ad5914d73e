"""What there is to choose from: models, data sets, recipes, metrics, kinds of figure. No files, no torch."""
