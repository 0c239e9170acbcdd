"""One question per module: its metrics, its steps and its rows."""
