"""PanNuke: its folders, its masks and the dataset."""
