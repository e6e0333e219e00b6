"""What the ranks of one training exchange, and how each trains on its slot."""
