"""What the project is made of: a bill of materials with licences that a policy allows."""
