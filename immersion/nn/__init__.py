"""Networks from any shape to any shape, independent of losses and distributions."""

from immersion.nn.base import NETWORKS, Architecture

__all__ = ["NETWORKS", "Architecture"]
