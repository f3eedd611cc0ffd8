"""A person's pictures through a network: the plan, a picture's way, its tiles, what computes."""
