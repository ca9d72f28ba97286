"""What `nadia init` and `nadia baseline` are made of."""
