"""The kinds of figure for papers and slides, a file each: what is read from runs, and how it is drawn."""
