"""Published networks: read from their authors' files, with the published results."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from immersion.check import UserError
from immersion.commands.evaluate import evaluate
from immersion.pretrained.published import read_published


def write_network(path, types=("conv", "relu", "conv", "relu", "conv"), width=5, colours=1):
    """Write convolutions as MATLAB does, axes reversed and a last one of one left out."""
    layers = []
    generator = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        references = file.create_dataset("net/layers", (len(types), 1), h5py.ref_dtype)
        for number, type_ in enumerate(types):
            group = file.create_group(f"#refs#/{number}")
            group["type"] = np.array([[ord(letter)] for letter in type_], np.uint16)
            references[number, 0] = group.ref
            if type_ != "conv":
                continue
            before = colours if number == 0 else width
            after = colours if number == len(types) - 1 else width
            weight = generator.standard_normal((after, before, 3, 3)).astype(np.float32) / 9
            bias = generator.standard_normal(after).astype(np.float32)
            layers.append((torch.from_numpy(weight), torch.from_numpy(bias)))
            stored = weight.swapaxes(2, 3)
            group["w"], group["b"] = stored[0] if after == 1 else stored, bias[None]
            parts = group.create_dataset("weights", (2, 1), h5py.ref_dtype)
            parts[0, 0], parts[1, 0] = group["w"].ref, group["b"].ref
    return layers


@pytest.mark.parametrize("colours", [1, 3])
def test_a_matconvnet_file_predicts_the_noise(tmp_path, colours):
    layers = write_network(tmp_path / "net.mat", colours=colours)
    model, channels = read_published(tmp_path / "net.mat")
    x = torch.rand(2, colours, 12, 15)
    noise = x
    for number, (weight, bias) in enumerate(layers):
        noise = conv2d(noise if number == 0 else noise.relu(), weight, bias, padding=1)
    with torch.no_grad():
        assert torch.allclose(model(x).mean, x - noise, atol=1e-5)
    assert channels == colours and not model.has_uncertainty


def test_other_files_are_errors(tmp_path):
    (tmp_path / "words.mat").write_text("no network")
    with pytest.raises(UserError, match=r"words.mat.*another type of file"):
        read_published(tmp_path / "words.mat")
    write_network(tmp_path / "pool.mat", ("conv", "pool", "conv"))
    with pytest.raises(UserError, match="layers of conv, pool"):
        read_published(tmp_path / "pool.mat")
    write_network(tmp_path / "wide.mat")
    with h5py.File(tmp_path / "wide.mat", "r+") as file:
        file["#refs#/2/dilate"] = np.full((1, 1), 2.0)
    with pytest.raises(UserError, match="a dilate that is not 1"):
        read_published(tmp_path / "wide.mat")
    with pytest.raises(UserError, match=r"no file .*missing\.mat"):
        read_published(tmp_path / "missing.mat")


def test_a_published_network_is_evaluated_only_on_a_named_set(tmp_path):
    write_network(tmp_path / "net.mat")
    with pytest.raises(UserError, match="--on"):
        evaluate(tmp_path / "net.mat")


def test_dncnn_has_its_published_numbers():
    path = Path(os.environ.get("IMMERSION_DNCNN", "no file"))
    if not path.is_file():
        pytest.skip("IMMERSION_DNCNN does not name the authors' model/specifics/sigma=25.mat")
    found = evaluate(path, on="set12")["estimates"]["sigma_25"]
    # The authors' noise was drawn by MATLAB: means over 12 pictures differ by a hundredth of a dB.
    assert found["psnr"]["value"] == pytest.approx(30.43, abs=0.02)
    assert found["ssim"]["value"] == pytest.approx(0.8617, abs=5e-4)
