"""Networks: any shape in, any shape out; they know no loss and no distribution."""

from immersion.nn.base import NETWORKS, Architecture

__all__ = ["NETWORKS", "Architecture"]
