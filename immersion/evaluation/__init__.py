"""Protocols by which runs and networks are evaluated: data, metrics, settings."""
