"""How a dataset is divided: by card, by group, into folds, into few labels and the rest."""
