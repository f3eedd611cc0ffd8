"""Immersion."""
