"""An adapter in a process of its own, which holds the credentials of one workspace only."""
