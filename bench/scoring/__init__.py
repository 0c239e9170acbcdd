"""`bench score`: the metrics alone, on folders, arrays and tables of one's own."""
