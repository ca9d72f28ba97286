"""How a monitoring daemon is watched at its work."""
