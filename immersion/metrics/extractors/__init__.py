"""Feature extractors: what sets of examples are compared in; a new one is a new module here."""

from immersion.metrics.extractors.base import EXTRACTORS, Extractor, features
from immersion.metrics.extractors.choosing import extractor_for, usual

__all__ = ["EXTRACTORS", "Extractor", "extractor_for", "features", "usual"]
