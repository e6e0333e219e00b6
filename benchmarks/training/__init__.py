"""How fast training is: ``make bench ONLY=training``.

Every measurement runs in a process of its own (``measure``), interleaved with what it is compared
to, and the claims are ratios of two of them.
"""
