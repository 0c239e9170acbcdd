"""What files look like, of no dataset in particular: arrays, tables, folders, outlines, label maps, slides."""
