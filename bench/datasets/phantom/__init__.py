"""The phantom: procedural H&E tiles with nuclei of four classes, drawn from a seed, and a nine-class tissue variant."""
