"""Polynomials in d variables of bounded degree, many at once, and their suprema on a cell.

Coefficients are (M, ...): one row for each monomial t^a, the constant first, by increasing degree.
The variables t are those of a cell: a box [-1, 1]^d or a ball |t| <= 1.
"""

import itertools
import math
from functools import cache
from typing import Literal

import torch
from torch import Tensor

Shape = Literal["box", "ball"]
"""The set that t is in: the box [-1, 1]^d, or the ball |t| <= 1."""


class Monomials:
    """The monomials in d variables up to a degree, which index the rows of coefficients.

    Args:
        dim: d.
        degree: The largest degree, K.

    Attributes:
        exponents: M tuples of d exponents; the first d + 1 are the constant and the variables.
        products: (i, j, k) for monomials of degree at least 1 whose product is monomial k.

    Example:
        >>> Monomials(2, 2).exponents
        [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
        >>> Monomials(2, 2).products
        [(1, 1, 3), (1, 2, 4), (2, 1, 4), (2, 2, 5)]
    """

    def __init__(self, dim: int, degree: int) -> None:
        self.dim, self.degree = dim, degree
        self.exponents: list[tuple[int, ...]] = []
        for total in range(degree + 1):
            for variables in itertools.combinations_with_replacement(range(dim), total):
                self.exponents.append(tuple(variables.count(j) for j in range(dim)))
        self.degrees = [sum(exponent) for exponent in self.exponents]
        self._index = {exponent: at for at, exponent in enumerate(self.exponents)}
        self.products = [
            (i, j, self._index[_add(a, b)])
            for i, a in enumerate(self.exponents)
            for j, b in enumerate(self.exponents)
            if i and j and self.degrees[i] + self.degrees[j] <= degree
        ]

    def multiply(self, a: Tensor, b: Tensor, least: int = 1) -> Tensor:
        """Return a b without the terms above the degree, for a and b without constant terms.

        Args:
            a, b: (M, ...).
            least: Smallest degree of the terms of a; lower ones are ignored.
        """
        result = torch.zeros_like(a)
        for i, j, k in self.products:
            if self.degrees[i] >= least:
                result[k].addcmul_(a[i], b[j])
        return result

    def differentiate(self, a: Tensor) -> Tensor:
        """Return the coefficients of the d partial derivatives, (d, M', ...), of degree K - 1.

        Example:
            >>> square = torch.tensor([0.0, 0, 0, 1, 0, 0])  # t_1^2
            >>> Monomials(2, 2).differentiate(square)
            tensor([[0., 2., 0.],
                    [0., 0., 0.]])
        """
        count = self.degrees.index(self.degree)
        result = a.new_zeros(self.dim, count, *a.shape[1:])
        for at, exponent in enumerate(self.exponents):
            for j in range(self.dim):
                if exponent[j]:
                    below = self._index[_add(exponent, _unit(self.dim, j), -1)]
                    result[j, below] = exponent[j] * a[at]
        return result

    def measure(self, a: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
        """Return bounds on the homogeneous parts of a and of its derivatives on the cell.

        On the box the bound is the sum of |coefficients|. On the ball it is the Frobenius norm of
        the symmetric tensor of the part: sum c_a^2 a! / m! over its monomials.

        Args:
            a: (M, ...).
            shape: The cell.

        Returns:
            (K, ...) for the parts of degree 1 to K, and (d, K, ...) for the parts of degree 0 to
            K - 1 of the d partial derivatives.

        Example:
            >>> line = torch.tensor([9.0, 3.0, 4.0])
            >>> [Monomials(2, 1).measure(line, shape)[0].item() for shape in ("box", "ball")]
            [7.0, 5.0]
        """
        weights = self._weights(shape).to(a)
        terms = a.abs() if shape == "box" else a.square()
        sums = (weights @ terms.reshape(len(a), -1)).reshape(-1, *a.shape[1:])
        bounds = sums if shape == "box" else sums.sqrt()
        slopes = bounds[self.degree :].unflatten(0, (self.dim, self.degree))
        return bounds[: self.degree], slopes

    @cache  # noqa: B019
    def _weights(self, shape: Shape) -> Tensor:
        """Return the weights of |coefficients| (box) or their squares (ball), (K + d K, M)."""
        weights = torch.zeros(1 + self.dim, self.degree, len(self.exponents), dtype=torch.float64)
        for at, exponent in enumerate(self.exponents):
            total = self.degrees[at]
            if total:
                weights[0, total - 1, at] = 1 if shape == "box" else _share(exponent)
            for j in range(self.dim):
                if exponent[j]:
                    share = _share(_add(exponent, _unit(self.dim, j), -1))
                    scale = exponent[j] if shape == "box" else exponent[j] ** 2 * share
                    weights[1 + j, total - 1, at] = scale
        return weights.flatten(0, 1)

    @cache  # noqa: B019
    def subdivide(self, parts: int) -> tuple[Tensor, Tensor]:
        """Return the maps from coefficients on [-1, 1]^d to those on parts^d equal boxes.

        With t = s + w / parts for the centre s of a box and w in [-1, 1]^d.

        Returns:
            The centres s, (parts^d, d), and the maps, (parts^d, M, M).
        """
        places = (2 * torch.arange(parts, dtype=torch.float64) + 1) / parts - 1
        centers = torch.cartesian_prod(*[places] * self.dim).reshape(-1, self.dim)
        maps = torch.zeros(len(centers), len(self.exponents), len(self.exponents)).double()
        for (row, a), (column, b) in itertools.product(enumerate(self.exponents), repeat=2):
            if all(low <= high for low, high in zip(a, b, strict=True)):
                choices = math.prod(math.comb(high, low) for low, high in zip(a, b, strict=True))
                powers = torch.tensor(_add(b, a, -1))
                maps[:, row, column] = choices * (centers**powers).prod(1) / parts ** sum(a)
        return centers, maps


@cache
def monomials(dim: int, degree: int) -> Monomials:
    """Return the monomials in `dim` variables up to a degree, which are built once."""
    return Monomials(dim, degree)


def _add(a: tuple[int, ...], b: tuple[int, ...], sign: int = 1) -> tuple[int, ...]:
    return tuple(i + sign * j for i, j in zip(a, b, strict=True))


def _unit(dim: int, j: int) -> tuple[int, ...]:
    return tuple(int(i == j) for i in range(dim))


def _share(exponent: tuple[int, ...]) -> float:
    """Return a! / |a|!, the inverse of the multinomial coefficient."""
    return math.prod(map(math.factorial, exponent)) / math.factorial(sum(exponent))
