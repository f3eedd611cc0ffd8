"""Feature extractors: what sets of examples are compared in; a new one is a new module here."""

from immersion.metrics.extractors.base import EXTRACTORS, Extractor, extract_features
from immersion.metrics.extractors.select import build_extractor, choose_extractor

__all__ = ["EXTRACTORS", "Extractor", "build_extractor", "choose_extractor", "extract_features"]
