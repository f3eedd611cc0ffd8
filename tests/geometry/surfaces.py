"""Surfaces with known geometry, as maps of latents."""

import math

import torch

from immersion.geometry import Manifold

RADIUS = 1.5
"""Radius of the sphere."""

MAJOR, MINOR = 2.0, 0.7
"""Radii of the torus."""


def sphere(z):
    """Latitude and longitude."""
    u, v = z.unbind(1)
    return RADIUS * torch.stack([u.cos() * v.cos(), u.cos() * v.sin(), u.sin()], 1)


def stereographic(z):
    """The same sphere from its north pole, which is the one point left out."""
    squared = z.square().sum(1, keepdim=True)
    return RADIUS * torch.cat([2 * z, squared - 1], 1) / (1 + squared)


def torus(z):
    u, v = z.unbind(1)
    ring = MAJOR + MINOR * v.cos()
    return torch.stack([ring * u.cos(), ring * u.sin(), MINOR * v.sin()], 1)


def cone(z):
    """Radius and angle, without the tip: flat."""
    r, angle = z.unbind(1)
    return torch.stack([r * angle.cos(), r * angle.sin(), r], 1)


def saddle(z):
    """The hyperbolic paraboloid: K = -1 / (1 + x^2 + y^2)^2."""
    return torch.cat([z, z[:, :1] * z[:, 1:]], 1)


def veronese(z):
    """The sphere of radius sqrt(3) into the sphere of radius 1 of R^5: K = 1/3, minimal in it."""
    x, y, w = (math.sqrt(3) / RADIUS * sphere(z)).unbind(1)
    root = math.sqrt(3)
    return torch.stack(
        [
            y * w / root,
            x * w / root,
            x * y / root,
            (x * x - y * y) / (2 * root),
            (x * x + y * y - 2 * w * w) / 6,
        ],
        1,
    )


MATRIX = torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3).sin() + torch.eye(
    5, 3, dtype=torch.float64
)


def linear(z):
    """An injective linear map R^3 -> R^5."""
    return z @ MATRIX.T


def network(seed=0, latents=3, values=20):
    """A random network with smooth activations."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(latents, 30, generator=generator, dtype=torch.float64) / 2
    second = torch.randn(30, values, generator=generator, dtype=torch.float64) / 5
    return Manifold(lambda z: (z @ first).tanh() @ second, latents)


def reparameterise(manifold):
    """The same image, of latents w with z = warp(w)."""
    return Manifold(lambda w: manifold.g(warp(w)), manifold.dim)


def warp(w):
    """An injective nonlinear map of latents: linear and then cubic."""
    matrix = torch.eye(w.shape[1], dtype=w.dtype) + 0.3 * torch.ones(
        w.shape[1], w.shape[1], dtype=w.dtype
    ).triu(1)
    turned = w @ matrix.T
    return turned + 0.1 * turned**3


def unwarp(z):
    """The inverse of `warp`, by Newton's method."""
    turned = z.clone()
    for _ in range(60):
        turned = turned - (turned + 0.1 * turned**3 - z) / (1 + 0.3 * turned**2)
    matrix = torch.eye(z.shape[1], dtype=z.dtype) + 0.3 * torch.ones(
        z.shape[1], z.shape[1], dtype=z.dtype
    ).triu(1)
    return torch.linalg.solve(matrix, turned.T).T


def order(errors):
    """The order of convergence of errors at steps h, h/2, h/4, ..., from the last two."""
    return math.log2(errors[-2] / errors[-1])
