"""Runs out to other tools and in from them: CSV, JSON lines, Parquet, TensorBoard's event files.

::

    runs/ -> exported_measurements -> exporting -> table_writer (CSV, JSON lines, Parquet), tensorboard_writer or
        wandb_writer
    import_sources -> log_files | trackers -> imported_run -> importing -> runs/

What writes and reads a format is loaded when that format is asked for.
"""
