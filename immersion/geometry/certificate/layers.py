"""Networks as sequences of affine maps, activations and residual sums, in float64.

Each step transports Taylor models forwards, and small changes along its linearisation, which
automatic differentiation reverses.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from immersion.check import UserError
from immersion.geometry.certificate.activations import Activation, build_activation
from immersion.geometry.certificate.polynomials import Monomials, Shape
from immersion.geometry.certificate.taylor import (
    INFLATE,
    Linearisation,
    TaylorModel,
    apply_activation,
)
from immersion.nn.conv import Crop
from immersion.nn.r3gan import Basis, Bottleneck, Up
from immersion.nn.residual import Block, Resize

EPSILON = 2.0**-52


@dataclass(frozen=True)
class Affine:
    """x -> W x + b.

    Args:
        apply: x, (B, *F), to W x.
        apply_absolute: x to |W| x.
        shift: b, which broadcasts, or None.
        terms: Most terms of a sum in W x, for its rounding error.
    """

    apply: Callable[[Tensor], Tensor]
    apply_absolute: Callable[[Tensor], Tensor]
    shift: Tensor | None
    terms: int

    def propagate(self, u: TaylorModel, tape: "Tape") -> TaylorModel:
        """Return the model of W u + b."""
        coefficients = _map_rows(self.apply, u.coefficients)
        if self.shift is not None:
            coefficients[0] += self.shift
        if not self.terms:
            errors = _map_rows(self.apply, torch.cat([u.errors, u.rounding.unsqueeze(0)]))
            return TaylorModel(coefficients, errors[:-1], errors[-1])
        tape.terms += self.terms
        gamma = (self.terms + 8) * EPSILON
        # The degree bounds the factor of a coefficient in a derivative along t_j.
        size = u.coefficients.abs().sum(0) * (gamma * tape.basis.degree)
        bounds = torch.cat([u.errors, u.rounding.unsqueeze(0)]) + size
        bounds = _map_rows(self.apply_absolute, bounds) * INFLATE
        if self.shift is not None:
            bounds = bounds + 4 * EPSILON * (self.shift.abs() + coefficients[0].abs())
        return TaylorModel(coefficients, bounds[:-1], bounds[-1])

    def transport(self, x: Tensor, tape: Iterator[Linearisation], sources: list[Tensor]) -> Tensor:
        """Return W x."""
        return self.apply(x)

    def evaluate(self, x: Tensor) -> Tensor:
        """Return W x + b."""
        return self.apply(x) if self.shift is None else self.apply(x) + self.shift


@dataclass(frozen=True)
class Activate:
    """An activation, value by value."""

    activation: Activation

    def propagate(self, u: TaylorModel, tape: "Tape") -> TaylorModel:
        """Return the model of f(u); its linearisation is added to the tape."""
        model, linearisation = apply_activation(u, self.activation, tape.basis, tape.shape)
        tape.linearisations.append(linearisation)
        return model

    def transport(self, x: Tensor, tape: Iterator[Linearisation], sources: list[Tensor]) -> Tensor:
        """Return slopes x + source, with a source of 0 that is differentiated in."""
        slopes = next(tape).slopes
        source = torch.zeros_like(slopes).requires_grad_()
        sources.append(source)
        return slopes * x + source

    def evaluate(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return self.activation.derive(x, 1)[0]


@dataclass(frozen=True)
class Residual:
    """x -> x + f(x)."""

    branch: list["Step"]

    def propagate(self, u: TaylorModel, tape: "Tape") -> TaylorModel:
        """Return the model of u + f(u): bounds on errors add up."""
        v = u
        for step in self.branch:
            v = step.propagate(v, tape)
        total = u.coefficients + v.coefficients
        rounding = 2 * EPSILON * tape.basis.degree * total.abs().sum(0)
        return TaylorModel(
            total, (u.errors + v.errors) * INFLATE + rounding, u.rounding + v.rounding + rounding
        )

    def transport(self, x: Tensor, tape: Iterator[Linearisation], sources: list[Tensor]) -> Tensor:
        """Return x + f'(x)."""
        y = x
        for step in self.branch:
            y = step.transport(y, tape, sources)
        return x + y

    def evaluate(self, x: Tensor) -> Tensor:
        """Return x + f(x)."""
        y = x
        for step in self.branch:
            y = step.evaluate(y)
        return x + y


Step = Affine | Activate | Residual


@dataclass
class Tape:
    """The record of one propagation: the cells' shape, and each activation's linearisation."""

    basis: Monomials
    shape: Shape
    linearisations: list[Linearisation]
    terms: int = 0


def compile_network(network: nn.Module) -> list[Step]:
    """Return the steps of a network in evaluation mode, with its weights in float64.

    Raises:
        UserError: A module is not supported.

    Example:
        >>> steps = compile_network(nn.Sequential(nn.Linear(2, 3), nn.Tanh()))
        >>> [type(step).__name__ for step in steps]
        ['Affine', 'Activate']
    """
    if isinstance(network, nn.Sequential):
        return [step for layer in network for step in compile_network(layer)]
    if isinstance(network, nn.Identity | nn.Dropout):
        return []
    if isinstance(network, Block | Bottleneck):
        return [Residual(compile_network(network.branch))]
    if isinstance(network, Resize | Up):
        return _compile_resizing(network)
    if (activation := build_activation(network)) is not None:
        return [Activate(activation)]
    if (affine := _compile_affine(network)) is not None:
        return [affine]
    raise UserError(
        "this network has a layer that cannot be certified",
        "linear, convolutional, normalisation, resizing and residual layers, and activations",
        type(network).__name__,
    )


def _compile_affine(layer: nn.Module) -> Affine | None:
    """Return an affine layer, or None if it is not one."""
    if isinstance(layer, nn.Linear):
        weight = layer.weight.detach().double()
        return _weigh(functional.linear, weight, layer.bias, layer.in_features)
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return _compile_convolution(layer)
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        return _compile_normalisation(layer)
    if isinstance(layer, Basis):
        weight = layer.scale.weight.detach().double()
        pictures = layer.pictures.detach().double()
        return Affine(
            lambda x: functional.linear(x, weight)[..., None, None] * pictures,
            lambda x: functional.linear(x, weight.abs())[..., None, None] * pictures.abs(),
            None,
            layer.scale.in_features,
        )
    if isinstance(layer, nn.Flatten | nn.Unflatten | Crop | nn.ZeroPad2d):
        return Affine(layer.forward, layer.forward, None, 0)
    if isinstance(layer, nn.Upsample) and layer.mode in ("nearest", "bilinear"):
        return Affine(layer.forward, layer.forward, None, 8 if layer.mode == "bilinear" else 0)
    if isinstance(layer, nn.AvgPool2d):
        return Affine(layer.forward, layer.forward, None, 64)
    return None


def _weigh(
    operate: Callable[[Tensor, Tensor], Tensor], weight: Tensor, bias: Tensor | None, terms: int
) -> Affine:
    absolute = weight.abs()
    shift = None if bias is None else bias.detach().double()
    if shift is not None and weight.ndim == 4:
        shift = shift[:, None, None]
    return Affine(lambda x: operate(x, weight), lambda x: operate(x, absolute), shift, terms)


def _compile_convolution(layer: nn.Conv2d | nn.ConvTranspose2d) -> Affine:
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise UserError(
            "this convolution cannot be certified",
            "padding with a number of zeros",
            f"{layer.padding_mode}, {layer.padding}",
        )
    weight = layer.weight.detach().double()
    if isinstance(layer, nn.ConvTranspose2d):
        step, padding, extra = layer.stride, layer.padding, layer.output_padding
        groups, dilation = layer.groups, layer.dilation

        def transpose(x: Tensor, kernel: Tensor) -> Tensor:
            return functional.conv_transpose2d(
                x, kernel, None, step, padding, extra, groups, dilation
            )

        return _weigh(transpose, weight, layer.bias, weight[:, 0].numel())

    def convolve(x: Tensor, kernel: Tensor) -> Tensor:
        return functional.conv2d(
            x, kernel, None, layer.stride, layer.padding, layer.dilation, layer.groups
        )

    return _weigh(convolve, weight, layer.bias, weight[0].numel())


def _compile_normalisation(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> Affine:
    """Return the affine map of a batch normalisation with its running averages."""
    mean, variance = layer.running_mean, layer.running_var
    if layer.training or mean is None or variance is None:
        raise UserError(
            "a batch normalisation has no fixed averages",
            "a network in evaluation mode with running averages",
            remedy="call eval() on it",
        )
    scale = (variance.double() + layer.eps).rsqrt()
    shift = -mean.double() * scale
    if layer.affine:
        gain = layer.weight.detach().double()
        scale, shift = scale * gain, shift * gain + layer.bias.detach().double()
    if isinstance(layer, nn.BatchNorm2d):
        scale, shift = scale[:, None, None], shift[:, None, None]
    return Affine(lambda x: x * scale, lambda x: x * scale.abs(), shift, 8)


def _compile_resizing(layer: Resize | Up) -> list[Step]:
    """Return the convolution and the resizing, whose weights are not negative, in their order."""
    size = layer.size
    mix = compile_network(layer.mix)
    if isinstance(layer, Up):
        smooth = _resize(size, "bilinear")
        return [*mix, Affine(smooth, smooth, None, 8)]

    def shrink_or_grow(x: Tensor) -> Tensor:
        return _resize(size, "area" if x.shape[-1] > size[-1] else "nearest")(x)

    return [Affine(shrink_or_grow, shrink_or_grow, None, math.prod(size)), *mix]


def _resize(size: tuple[int, int], mode: str) -> Callable[[Tensor], Tensor]:
    return lambda x: functional.interpolate(x, size, mode=mode)


def _map_rows(operate: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return operate(x) for x with two leading dimensions, (R, N, *F)."""
    return operate(x.flatten(0, 1)).unflatten(0, x.shape[:2])
