"""File formats that are not specific to a dataset: arrays, tables, folders, outlines, label maps, slides."""
