"""What a request means: its arms, networks and encoders, and what is missing; nothing is done yet."""
