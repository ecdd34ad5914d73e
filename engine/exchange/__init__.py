"""Runs out to other tools and in from them: CSV, JSON lines, Parquet, TensorBoard's event files.

::

    runs/ -> measured -> outgoing -> tables (CSV, JSON lines, Parquet) | event_writer (TensorBoard)
    from_csv | from_events -> track -> incoming -> runs/

What writes and reads a format is loaded when that format is asked for.
"""
