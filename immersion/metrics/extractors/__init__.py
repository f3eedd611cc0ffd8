"""Feature extractors, for comparing sets of examples; a new one is a new module here."""

from immersion.metrics.extractors.base import EXTRACTORS, Extractor, extract_features
from immersion.metrics.extractors.select import build_extractor, choose_extractor

__all__ = ["EXTRACTORS", "Extractor", "build_extractor", "choose_extractor", "extract_features"]
