"""Train an MNIST model on Spark, carry it to another cloud's registry, serve it and prove it."""

__version__ = "0.1.0"
