"""What is claimed to be fast, measured: one module for each claim, run by ``make bench``."""
