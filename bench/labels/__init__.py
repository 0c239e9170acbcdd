"""Instance labels of one image, read from any of the formats that the field keeps them in."""
