import numpy as np
import pytest
import torch
from scipy.stats import norm

from immersion.check import UserError
from immersion.likelihoods import LIKELIHOODS
from immersion.models import VAE, Autoencoder, ProbabilisticPCA
from immersion.models.codes import decode_means, encode_means, manifold_codes, sample_means
from immersion.nn import Architecture
from immersion.report import image_grid
from immersion.runs import decoded_images

SHAPE = (1, 8, 8)


def build(kind, latent_dim=2, shape=SHAPE):
    torch.manual_seed(0)
    likelihood = LIKELIHOODS["bernoulli"](shape)
    return kind.build(shape, latent_dim, likelihood, Architecture("dense", 16, 1, "tanh")).eval()


def pixels(image):
    return torch.from_numpy(np.array(image))


def cell(image, row, column, side=56, gap=2):
    """Return the pixels of one image in a grid."""
    top, left = gap + row * (side + gap), gap + column * (side + gap)
    return pixels(image)[top : top + side, left : left + side]


@pytest.mark.parametrize(
    ("side", "scale"), [(1, 56), (8, 7), (28, 2), (30, 2), (56, 1), (64, 1), (200, 1)]
)
def test_small_images_are_enlarged_by_whole_factors(side, scale):
    assert (
        image_grid.make_grid(torch.zeros(1, 1, side, side), 1, gap=0).size == (side * scale,) * 2
    )


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_geometry_of_a_grid(channels, mode):
    image = image_grid.make_grid(torch.rand(5, channels, 28, 14), columns=2, gap=3)
    assert image.size == (2 * 28 + 3 * 3, 3 * 56 + 4 * 3)
    assert image.mode == mode


def test_every_value_lies_where_it_should():
    x = torch.rand(5, 1, 28, 28)
    image = image_grid.make_grid(x, columns=3)
    for i in range(5):
        expected = x[i, 0].mul(255).round().byte().repeat_interleave(2, 0).repeat_interleave(2, 1)
        assert torch.equal(cell(image, i // 3, i % 3), expected)
    assert (cell(image, 1, 2) == image_grid.BACKGROUND).all()
    assert (pixels(image)[:2] == image_grid.BACKGROUND).all()


def test_channels_stay_colours():
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 64, 64)
    assert image_grid.make_grid(red, 1).getpixel((10, 10)) == (255, 0, 0)


def test_values_outside_the_unit_interval_are_clipped():
    image = pixels(image_grid.make_grid(torch.tensor([-3.0, 7.0]).reshape(2, 1, 1, 1), 2, gap=0))
    assert image[0, 0] == 0
    assert image[0, -1] == 255


def test_two_channels_cannot_be_shown():
    with pytest.raises(UserError, match="1 channel or 3"):
        image_grid.make_grid(torch.rand(1, 2, 8, 8), 1)


@pytest.mark.parametrize("kind", [VAE, Autoencoder])
def test_reconstructions_alternate_with_originals(kind):
    model, x = build(kind), torch.rand(5, *SHAPE)
    image = decoded_images.draw_reconstructions(model, x, columns=3)
    decoded = model.decode(model.encode(x).mean).mean
    assert image.size == (3 * 58 + 2, 4 * 58 + 2)
    expected = image_grid.make_grid(torch.stack([x[4], decoded[4]]), columns=1)
    assert torch.equal(cell(image, 2, 1), cell(expected, 0, 0))
    assert torch.equal(cell(image, 3, 1), cell(expected, 1, 0))


@pytest.mark.parametrize("kind", [VAE, Autoencoder])
def test_draws_are_a_function_of_the_seed_and_leave_the_callers_generator_alone(kind):
    model = build(kind)
    before = torch.get_rng_state()
    x = sample_means(model, 7, seed=3)
    assert x.shape == (7, *SHAPE)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(sample_means(model, 7, seed=3), x)
    assert not torch.equal(sample_means(model, 7, seed=4), x)


def test_draws_come_from_the_models_own_prior():
    weight = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    model = ProbabilisticPCA(weight, torch.tensor([0.0, 5.0]).double(), torch.tensor(0.1).double())
    x = sample_means(model, 4000, seed=0)
    assert abs(x[:, 0].std() - 1) < 0.05
    assert (x[:, 1] == 5).all()


def test_a_picture_leaves_no_graph():
    assert not sample_means(build(VAE), 2, seed=0).requires_grad
    assert not encode_means(build(VAE), torch.rand(2, *SHAPE)).requires_grad


def test_codes_and_means_are_the_same_in_chunks(monkeypatch):
    model, x = build(VAE), torch.rand(7, *SHAPE)
    whole = encode_means(model, x)
    monkeypatch.setattr("immersion.models.codes.CHUNK", 3)
    torch.testing.assert_close(encode_means(model, x), whole)
    assert len(decode_means(model, whole)) == 7


def test_the_manifolds_codes_are_the_inverse_gaussian_cdf():
    side = 20
    z = manifold_codes(5, side, units=(3, 1)).reshape(side, side, 5)
    points = torch.from_numpy(norm.ppf((np.arange(side) + 0.5) / side)).float()
    for row in range(side):
        torch.testing.assert_close(z[row, :, 3], points)
    for column in range(side):  # upwards: the last row of the picture is the smallest
        torch.testing.assert_close(z[:, column, 1], points.flip(0))
    assert (z[..., [0, 2, 4]] == 0).all()


def test_the_manifold_of_one_latent_is_a_row():
    assert manifold_codes(1, 9).shape == (9, 1)
    assert decoded_images.draw_manifold(build(VAE, 1), side=9).size == (9 * 56, 56)


def test_the_manifold_shows_what_the_codes_decode_to():
    model = build(VAE)
    image = decoded_images.draw_manifold(model, side=4)
    expected = model.decode(manifold_codes(2, 4)).mean
    assert torch.equal(pixels(image), pixels(image_grid.make_grid(expected, 4, gap=0)))


@pytest.mark.parametrize("units", [(0, 0), (0, 3), (-1, 0)])
def test_a_plane_needs_two_units_of_the_model(units):
    with pytest.raises(UserError, match="from 0 to 2"):
        manifold_codes(3, 4, units)


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_an_interpolation_joins_two_reconstructions(path):
    model, a, b = build(VAE), torch.rand(3, *SHAPE), torch.rand(3, *SHAPE)
    image = decoded_images.draw_walks(
        model, encode_means(model, a), encode_means(model, b), 5, path
    )
    assert image.size == (5 * 58 + 2, 3 * 58 + 2)
    first = image_grid.make_grid(decode_means(model, encode_means(model, a)), 1)
    last = image_grid.make_grid(decode_means(model, encode_means(model, b)), 1)
    for row in range(3):
        for column, end in ((0, first), (4, last)):
            difference = cell(image, row, column).int() - cell(end, row, 0).int()
            assert difference.abs().max() <= 1  # rounding


def test_an_interpolations_mistakes_are_named():
    model, z = build(VAE), torch.zeros(1, 2)
    with pytest.raises(UserError, match="linear, spherical"):
        decoded_images.draw_walks(model, z, z, 5, "zigzag")
    with pytest.raises(UserError, match="at least 2"):
        decoded_images.draw_walks(model, z, z, 1)
