"""Proofs that a network is an immersion: bounds on the smallest singular value of its Jacobian."""

from immersion.geometry.certificate.certify import Certificate, certify_immersion
from immersion.geometry.certificate.radius import CertifiedRadii, certify_radius

__all__ = ["Certificate", "CertifiedRadii", "certify_immersion", "certify_radius"]
