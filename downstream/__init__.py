"""Networks that are trained on an arm and tested on real images, with their targets, losses and post-processing."""
