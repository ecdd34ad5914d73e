"""The terminal itself, and all that touches Textual's private parts."""
