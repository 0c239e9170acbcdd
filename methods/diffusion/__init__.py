"""Diffusion in one place: schedules, parameterisations, losses, samplers and guidance, one of each."""
