"""Networks that are trained on an arm and tested on real images; their targets, losses and post-processing."""
