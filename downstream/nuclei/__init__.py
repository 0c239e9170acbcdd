"""The train/predict protocol that all nucleus networks share; a network defines a `Family` and nothing else."""
