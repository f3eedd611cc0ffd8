"""How good samples are: every measure compares two sets of features."""
