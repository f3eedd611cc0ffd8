"""Read networks as their authors published them: DnCNN's stacks of convolutions."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from immersion.check import UserError, check_installed
from immersion.likelihoods.gaussian import GaussianFixed
from immersion.models.translator import Translator
from immersion.nn.dncnn import DnCNN
from immersion.random import use_seed
from immersion.tasks.denoise import Denoise

ERROR = 0.02
"""Standard deviation that is assumed for such a network's error, which it does not predict."""

PLAIN = {"stride": 1, "pad": 1, "dilate": 1}
"""Settings of a convolution that keeps the picture's size and skips no pixel."""

Layer = tuple[Tensor, Tensor]
"""Weight, (C_out, C_in, 3, 3), and bias, (C_out,)."""


def read_published(path: Path) -> tuple[Translator, int]:
    """Return a published denoiser, and the channels of its pictures.

    The file is MatConvNet's (HDF5, without code): convolutions with rectifiers between them whose
    output is the noise, such as `sigma=25.mat` of https://github.com/cszn/DnCNN. The network
    predicts no uncertainty.

    Args:
        path: The file.

    Raises:
        UserError: The file is of another type, or h5py, which reads it, is not installed.

    Reference:
        Zhang et al. 2017, Beyond a Gaussian denoiser, https://arxiv.org/abs/1608.03981
    """
    layers = _read_layers(path)
    weights = [weight for weight, _ in layers]
    width, colours = weights[0].shape[:2]
    with use_seed(0, "weights"):
        network = DnCNN(colours, colours, width, len(layers))
    convolutions = [module for module in network.layers if isinstance(module, nn.Conv2d)]
    if any(c.weight.shape != w.shape for c, w in zip(convolutions, weights, strict=True)):
        raise _make_error(path, "layers of other shapes")
    with torch.no_grad():
        for convolution, (weight, bias) in zip(convolutions, layers, strict=True):
            # Its output is the noise; ours is what is added.
            sign = -1 if convolution is convolutions[-1] else 1
            convolution.weight.copy_(sign * weight)
            if convolution.bias is not None:
                convolution.bias.copy_(sign * bias)
    likelihood = GaussianFixed((colours, 1, 1), sigma=ERROR)
    return Translator(Denoise(), network, likelihood).eval(), colours


def _read_layers(path: Path) -> list[Layer]:
    """Return the convolutions of a file, the first one first."""
    check_installed("matlab", ("h5py",))
    import h5py

    if not path.is_file():
        raise UserError(f"there is no file {path}", remedy="check the path")
    try:
        with h5py.File(path) as file:
            layers = [file[entry] for entry in file["net/layers"][...].flat]
            types = [_decode_word(layer["type"]) for layer in layers]
            if types != ["conv", "relu"] * (len(types) // 2) + ["conv"] or len(types) < 3:
                raise ValueError(f"layers of {', '.join(sorted(set(types)))}")
            return [_read_convolution(file, layer) for layer in layers[::2]]
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise _make_error(path, "another type of file") from error
    except ValueError as error:
        raise _make_error(path, str(error)) from error


def _read_convolution(file: Any, layer: Any) -> Layer:
    """Return a layer's weight and bias; MATLAB's order of the axes is the reverse of HDF5's."""
    for name, usual in PLAIN.items():
        if name in layer and (layer[name][...] != usual).any():
            raise ValueError(f"a {name} that is not {usual}")
    weight, bias = (torch.from_numpy(file[part][...]) for part in layer["weights"][...].flat)
    # MATLAB leaves out a last axis of one: that of an output of one channel.
    weight = weight.reshape(-1, *weight.shape[-3:])
    return weight.transpose(2, 3), bias.flatten()


def _decode_word(letters: Any) -> str:
    """Return MATLAB's array of letters as a word."""
    return "".join(chr(letter) for letter in letters[...].flat)


def _make_error(path: Path, received: str) -> UserError:
    return UserError(
        f"'{path}' is not a readable network",
        "MatConvNet's file of convolutions with rectifiers between them, such as DnCNN's",
        received,
    )
