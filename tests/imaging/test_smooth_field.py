"""Smooth noise has the covariance that its docstring says."""

import math

import torch

from immersion.imaging.noise import sample_smooth_field


def test_the_covariance_is_a_gaussian_of_the_distance():
    torch.manual_seed(0)
    z = torch.cat([sample_smooth_field(2, (9, 13), length=4.0) for _ in range(4000)])
    assert abs(z.mean()) < 0.02
    for down, right in ((0, 0), (0, 4), (3, 0), (4, 8)):
        found = (z[:, :, 0, 0] * z[:, :, down, right]).mean().item()
        expected = math.exp(-(down**2 + right**2) / (2 * 4.0**2))
        assert abs(found - expected) < 0.04
    assert abs((z[:, 0, 0, 0] * z[:, 1, 0, 0]).mean()) < 0.04  # channels have nothing in common


def test_a_value_is_a_standard_normal_one():
    torch.manual_seed(0)
    z = torch.cat([sample_smooth_field(1, (1, 1), length=4.0) for _ in range(4000)]).flatten()
    for at in (-1.0, 0.0, 1.0, 2.0):
        expected = torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(at))
        assert abs((z < at).float().mean() - expected) < 0.02
