"""The graphs of a model with codes: its encoder, its decoder and a learned prior.

Inputs and outputs are float32, in the units of the data: where the columns of a table were
standardised for training, the graph converts them, in float64, so that it adds no rounding.
"""

import copy

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.check import UserError, check_choice
from immersion.inference.onnx_graph import Graph, Input
from immersion.models import Decoder
from immersion.nn.spline_flow import FullPrecision
from immersion.posteriors import has_mean, has_variance
from immersion.spec import Spec

PARTS = ("encoder", "decoder", "prior")
"""Parts of a model with codes, each a graph."""

VALUES = {
    "binary": "values 0 and 1",
    "unit": "levels from 0 to 1",
    "counts": "counts 0, 1, 2, ...",
    "real": "real values in the units of the data",
}
"""Meaning of the values of an example, by their type."""

MEANS = VALUES | {"binary": "the probability of 1", "counts": "the expected count"}
"""Meaning of the mean of a value, by its type."""


def build_latent_graph(model: Decoder, spec: Spec, part: str) -> Graph:
    """Return the graph of a part of a model with codes.

    - decoder: z -> E[x|z] and, where p(x|z) has a variance, the standard deviation of each value;
      of a GAN, its generator.
    - encoder: x -> E[z|x] and, where q(z|x) has a variance, the standard deviation of each latent
      unit; for a flow (x, noise) -> a sample of q(z|x).
    - prior: noise -> a sample of p(z), where it is a flow.

    Args:
        model: The model, which is copied: the graph is in float32 and in evaluation mode.
        spec: The description of the training data.
        part: decoder, encoder or prior.

    Raises:
        UserError: The model has no such part, or it has no form as a graph.
    """
    check_choice("part", part, PARTS)
    own = copy.deepcopy(model).cpu().float().eval()
    builders = {"decoder": _build_decoder, "encoder": _build_encoder, "prior": _build_prior}
    with torch.no_grad():
        return builders[part](own, spec)


def _build_decoder(model: Decoder, spec: Spec) -> Graph:
    z = torch.randn(2, model.latent_dim)
    meaning = f"(B, {model.latent_dim}) float32, the code"
    if model.classes:
        meaning += f": {model.noise_dim} values of noise, then the class as one-hot values"

    def decode(model: Decoder, z: Tensor) -> tuple[Tensor, ...]:
        p = model.decode(z)
        mean = _to_data_units(p.mean, spec)
        return (mean, _rescale(p.stddev, spec)) if has_variance(p) else (mean,)

    shape = _format_shape(spec)
    outputs = {"mean": f"{shape} float32, E[x|z], {MEANS[spec.values]}"}
    if has_variance(model.decode(z)):
        outputs["standard_deviation"] = f"{shape} float32, of each value of x given z"
    return Graph(model, decode, {"z": Input(z, meaning)}, outputs)


def _build_encoder(model: Decoder, spec: Spec) -> Graph:
    if not model.encodes:
        raise UserError(
            "this generator has no encoder: a GAN is trained without one",
            remedy="train one with immersion invert RUN, or pass --part decoder",
        )
    x = _to_data_units(torch.rand(2, *spec.shape), spec)
    example = Input(x, f"{_format_shape(spec)} float32, {VALUES[spec.values]}")
    code, q = f"(B, {model.latent_dim}) float32", model.encode(_to_model_units(x, spec))
    if has_mean(q):

        def encode(model: Decoder, x: Tensor) -> tuple[Tensor, ...]:
            q = model.encode(_to_model_units(x, spec))
            return (q.mean, q.stddev) if has_variance(q) else (q.mean,)

        outputs = {"mean": f"{code}, E[z|x]"}
        if has_variance(q):
            outputs["standard_deviation"] = f"{code}, of each unit of z given x"
        return Graph(model, encode, {"x": example}, outputs)
    _require_flow(q, "posterior")

    def sample(model: Decoder, x: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        q = model.encode(_to_model_units(x, spec))
        return (_require_flow(q, "posterior").transform_noise(noise),)

    inputs = {"x": example, "noise": _make_noise(model)}
    return Graph(model, sample, inputs, {"z": f"{code}, a sample of q(z|x)"})


def _build_prior(model: Decoder, spec: Spec) -> Graph:
    if model.prior is None:
        raise UserError("an autoencoder has no prior", remedy="pass --part encoder or decoder")
    _require_flow(model.prior(), "prior")

    def sample(model: Decoder, noise: Tensor) -> tuple[Tensor, ...]:
        if model.prior is None:
            raise ValueError("the model has no prior")
        return (_require_flow(model.prior(), "prior").transform_noise(noise),)

    outputs = {"z": f"(B, {model.latent_dim}) float32, a sample of p(z)"}
    return Graph(model, sample, {"noise": _make_noise(model)}, outputs)


def _require_flow(p: Distribution, what: str) -> FullPrecision:
    """Return a distribution as a flow.

    Raises:
        UserError: It is none.
    """
    if isinstance(p, FullPrecision) and p.has_noise:
        return p
    raise UserError(
        f"the {what} of this model has no graph from noise to codes",
        "a flow" if what == "prior" else "a Gaussian, a point or a flow",
        type(p).__name__,
        "pass --part decoder: its metadata describe the prior",
    )


def _make_noise(model: Decoder) -> Input:
    d = model.latent_dim
    return Input(torch.randn(2, d), f"(B, {d}) float32, samples of N(0, I)")


def _format_shape(spec: Spec) -> str:
    return f"(B, {', '.join(map(str, spec.shape))})"


def _to_model_units(x: Tensor, spec: Spec) -> Tensor:
    """Return examples in the units of the data as the model takes them."""
    if not spec.scale:
        return x
    return ((x.double() - _make_vector(spec.shift)) / _make_vector(spec.scale)).float()


def _to_data_units(x: Tensor, spec: Spec) -> Tensor:
    """Return examples of the model in the units of the data."""
    if not spec.scale:
        return x
    return (x.double() * _make_vector(spec.scale) + _make_vector(spec.shift)).float()


def _rescale(deviation: Tensor, spec: Spec) -> Tensor:
    """Return standard deviations of a model's values in the units of the data."""
    if not spec.scale:
        return deviation
    return (deviation.double() * _make_vector(spec.scale)).float()


def _make_vector(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
