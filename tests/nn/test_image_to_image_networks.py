"""One contract for every network from images to images: sizes, reach and documentation."""

import re

import pytest
import torch

from immersion.check import UserError
from immersion.models.tiles import apply_in_tiles, iterate_tiles
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageArchitecture

SMALL = {
    "restorer": (6, 2),
    "noise-aware": (6, 2),
    "dncnn": (6, 4),
    "unet": (4, 2),
    "autoencoder": (4, 2),
}


def build(name: str, scale: int = 1) -> torch.nn.Module:
    """A small network with no weight at zero, in float64."""
    torch.manual_seed(0)
    width, depth = SMALL.get(name, (6, 2))
    network = IMAGE_TO_IMAGE_NETWORKS[name](2, 3, scale, width, depth).double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


@pytest.mark.parametrize("name", IMAGE_TO_IMAGE_NETWORKS)
def test_docstring_states_channels_shapes_and_source(name):
    network = build(name)
    text, shapes = type(network).__doc__ or "", type(network).forward.__doc__ or ""
    for argument in ("in_channels: C_in", "out_channels: C_out", "width: ", "depth: "):
        assert argument in text, argument
    assert re.search(r"\(B, C_out, (s )?H, (s )?W\)", shapes), "shape of the output"
    assert re.search(r"Reference:\n +\S.*?https?://", text, re.DOTALL), "source"


@pytest.mark.parametrize("name", IMAGE_TO_IMAGE_NETWORKS)
def test_any_multiple_of_its_grid_is_taken(name):
    network = build(name)
    for height, width in ((3, 5), (6, 4)):
        x = torch.rand(2, 2, height * network.multiple, width * network.multiple).double()
        assert network(x).shape == (2, 3, *x.shape[2:])


@pytest.mark.parametrize("name", IMAGE_TO_IMAGE_NETWORKS)
def test_an_output_depends_on_nothing_beyond_the_halo(name):
    network = build(name)
    m, halo = network.multiple, network.halo
    side = 2 * (halo + m) // m * m + 4 * m
    x = torch.rand(1, 2, side, side).double()
    place = side // 2 // m * m
    moved = x.clone()
    moved[..., place, place] += 1
    changed = (network(moved) - network(x)).abs().sum(1)[0].nonzero()
    reach = (changed - place).abs().max().item()
    assert 0 < reach <= halo


@pytest.mark.parametrize("name", IMAGE_TO_IMAGE_NETWORKS)
def test_tiles_are_equal_to_the_whole(name):
    network = build(name).float()
    m, halo = network.multiple, network.halo
    x = torch.rand(1, 2, 13 * m, 17 * m)
    with torch.no_grad():
        whole = network(x)
        parts = apply_in_tiles(network, x, halo=halo, multiple=m, side=5)
    spread = whole.max() - whole.min()
    assert (parts - whole).abs().max() <= 1e-5 * spread


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_of_an_enlarger_are_equal_to_the_whole(scale):
    network = build("restorer", scale).float()
    x = torch.rand(1, 2, 19, 31)
    with torch.no_grad():
        whole, parts = (
            network(x),
            apply_in_tiles(network, x, halo=network.halo, scale=scale, side=7),
        )
    assert whole.shape == (1, 3, 19 * scale, 31 * scale)
    assert (parts - whole).abs().max() <= 1e-5 * (whole.max() - whole.min())


def test_a_halo_that_is_too_small_shows():
    network = build("dncnn").float()
    x = torch.rand(1, 2, 24, 24)
    with torch.no_grad():
        whole, parts = network(x), apply_in_tiles(network, x, halo=network.halo - 1, side=8)
    assert (parts - whole).abs().max() > 1e-5 * (whole.max() - whole.min())


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 50), (64, 64)])
@pytest.mark.parametrize("multiple", [1, 2, 8])
def test_tiles_cover_every_pixel_once(size, multiple):
    counts = torch.zeros(size)
    for tile in iterate_tiles(*size, side=10, halo=5, multiple=multiple):
        counts[slice(*tile.rows), slice(*tile.columns)] += 1
        for first, last in (tile.seen_rows, tile.seen_columns):
            assert first % multiple == last % multiple == 0
    assert (counts == 1).all()


def test_sides_that_the_grid_does_not_divide_are_mirrored_and_cut_off():
    network = build("unet")
    x = torch.rand(1, 2, 9, 14).double()
    padded = torch.nn.functional.pad(x, (0, 2, 0, 3), "reflect")
    with torch.no_grad():
        found = apply_in_tiles(network, x, halo=network.halo, multiple=network.multiple)
        expected = network(padded)[..., :9, :14]
    assert torch.allclose(found, expected)


@pytest.mark.parametrize("name", ["noise-aware", "autoencoder", "dncnn", "unet"])
def test_networks_that_cannot_enlarge_say_so(name):
    with pytest.raises(UserError, match="does not enlarge"):
        ImageToImageArchitecture(name).build(3, 3, 2)


def test_an_autoencoder_has_nothing_but_its_code():
    """With equal codes two pictures come out equal, whatever the levels above them held."""
    for name, equal in (("autoencoder", True), ("unet", False)):
        network = build(name)
        (z, bridges), (_, others) = (network.encode(torch.rand(1, 2, 8, 8).double()) for _ in "ab")
        assert torch.equal(network.decode(z, bridges), network.decode(z, others)) is equal
