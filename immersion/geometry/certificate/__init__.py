"""Proofs that a network is an immersion: bounds on the smallest singular value of its Jacobian."""

from immersion.geometry.certificate.certify import Certificate, certify_immersion

__all__ = ["Certificate", "certify_immersion"]
