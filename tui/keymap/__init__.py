"""Every action: its keys, its words, where it is offered, and whether it changes anything; each is declared once."""
