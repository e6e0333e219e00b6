"""Training: the models, the sharded input pipeline and the one loop that all four modes run."""
