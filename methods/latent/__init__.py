"""Latent diffusion: autoencoders, denoisers of their latents and encoders that judge them, in diffusers' formats."""
