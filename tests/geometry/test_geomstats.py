"""Agreement with geomstats on the sphere, where it is installed."""

import numpy as np
import pytest
import torch
from surfaces import RADIUS, stereographic

from immersion.geometry import Manifold
from immersion.geometry.geodesics import find_geodesics
from immersion.geometry.logarithm import compute_logs
from immersion.geometry.transport import transport_vectors

hypersphere = pytest.importorskip(
    "geomstats.geometry.hypersphere",
    reason="geomstats is not installed; it needs numpy below 2.4",
)


def test_distances_logarithms_and_transport_agree():
    generator = torch.Generator().manual_seed(0)
    a, b, v = 0.5 * torch.randn(3, 5, 2, generator=generator, dtype=torch.float64)
    manifold = Manifold(lambda z: stereographic(z) / RADIUS, 2)
    metric = hypersphere.Hypersphere(dim=2).metric
    x, y = (manifold.points(z).numpy() for z in (a, b))

    def push(z, u):
        return (manifold.jacobian(z) @ u.unsqueeze(-1)).squeeze(-1).numpy()

    logs = compute_logs(manifold, a, b)
    np.testing.assert_allclose(logs.lengths.numpy(), metric.dist(x, y), rtol=1e-5)
    np.testing.assert_allclose(push(a, logs.velocities), metric.log(y, x), atol=1e-5)
    curves = find_geodesics(manifold, a, b, segments=100).curves
    moved = transport_vectors(manifold, curves, v).vectors
    expected = metric.parallel_transport(push(a, v), x, end_point=y)
    np.testing.assert_allclose(push(b, moved), expected, atol=1e-4)
