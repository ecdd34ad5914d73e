"""The models, datasets, recipes, metrics and kinds of figure to choose from. Free of files and of torch."""
