"""Latent diffusion: autoencoders, denoisers of latents and encoder-UNets that classify them, in diffusers' formats."""
