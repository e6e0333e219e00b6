"""Adapters: what stands behind the ports; chosen by conf, imported by nothing."""
