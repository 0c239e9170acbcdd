"""Diffusion: schedules, parameterisations, losses, samplers and guidance, each implemented once."""
