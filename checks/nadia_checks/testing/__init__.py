"""Planting a fault and asserting that it is noticed: the harness that we test ourselves with."""
