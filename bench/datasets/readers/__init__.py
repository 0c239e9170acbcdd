"""One reader per format of a dataset."""
