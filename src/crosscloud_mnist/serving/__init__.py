"""The local REST endpoint that serves a bundle."""
