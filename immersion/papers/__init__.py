"""Published results, reproduced: one file a paper, with its citation, numbers and recipe calls."""

from immersion.papers.study import STUDIES, Claim, Measurement, Study

__all__ = ["STUDIES", "Claim", "Measurement", "Study"]
