"""What the documentation is made from: the generated reference, and the shell blocks of pages."""
