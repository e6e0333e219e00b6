"""Adapters: the implementations of the ports. Conf names them; no other package imports them."""
