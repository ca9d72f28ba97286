"""How the rules of an alert manager are put to the test."""
