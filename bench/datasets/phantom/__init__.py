"""The phantom: H&E tiles with nuclei of four classes and patches of nine tissue classes, drawn from a seed."""
