"""`bench score`: the metrics of any folders, arrays and tables, without a run."""
