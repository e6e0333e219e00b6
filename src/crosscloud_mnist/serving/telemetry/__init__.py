"""Metrics, the request log and the inference log."""
