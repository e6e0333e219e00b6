"""Training: the models, the sharded feed and the one loop that all four modes run."""
