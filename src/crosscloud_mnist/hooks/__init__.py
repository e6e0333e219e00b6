"""Kedro hooks: what is checked before a run, how one is interrupted, what it prints."""
