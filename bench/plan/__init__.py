"""What a request means, before anything is done: arms, networks, encoders, and what is missing."""
