"""What is looked at before a dataset is trusted."""
