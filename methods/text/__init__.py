"""Text: a small caption encoder that a run trains itself, and the frozen text tower of latent diffusion."""
