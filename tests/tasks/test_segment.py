"""Segmentation: weights of classes, void pixels, and pictures of classes."""

import pytest
import torch
from torch import nn

from immersion.batch import Batch
from immersion.check import UserError
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageNetwork
from immersion.objectives import ClassesLoss
from immersion.tasks.segment import Segment, balance_classes, make_palette


class Fixed(ImageToImageNetwork):
    """A network with a constant output."""

    halo = 0

    def __init__(self, h):
        super().__init__()
        self.h = nn.Parameter(h)

    def forward(self, x):
        return self.h


def test_a_pair_has_the_picture_the_classes_and_their_weights():
    x, y = torch.rand(2, 3, 2, 2), torch.tensor([[[0, 1], [-1, 2]], [[2, 2], [1, 0]]])
    pair = Segment(3).pair(x, y)
    assert torch.equal(pair.input, x) and torch.equal(pair.target, y.unsqueeze(1))
    assert pair.weight[0, 0].tolist() == [[1, 1], [0, 1]] and pair.weight.dtype == torch.float32
    weighted = Segment(3, weights=[0.5, 1.0, 4.0]).pair(x, y).weight
    assert weighted.squeeze(1).tolist() == [[[0.5, 1], [0, 4]], [[4, 4], [1, 0.5]]]


def test_invalid_settings_are_errors():
    with pytest.raises(UserError, match="learns from masks"):
        Segment().pair(torch.rand(1, 1, 2, 2), None)
    with pytest.raises(UserError, match="weights do not fit: expected 3 of them, received 2"):
        Segment(3, weights=(1.0, 2.0))
    with pytest.raises(UserError, match="too few classes"):
        Segment(1)


def test_weights_are_median_frequency_balancing():
    assert balance_classes((0.2, 0.1, 0.4)) == (1.0, 2.0, 0.5)
    assert balance_classes((0.2, 0.0, 0.1))[1] == 1.0  # never seen in training


def test_the_loss_is_the_weighted_cross_entropy_and_the_other_terms_are_not_weighted():
    y = torch.tensor([[[0, 1, -1]], [[-1, -1, -1]]])
    task = Segment(2, weights=(3.0, 1.0))
    h = torch.tensor([[[2.0, 2.0, 9.0]], [[0.0, 0.0, -9.0]]]).expand(2, 2, 1, 3).clone()
    model = Translator(task, Fixed(h), PixelClasses((1, 1, 3), 2))
    terms = ClassesLoss()(model, Batch(torch.rand(2, 1, 1, 3), y, torch.tensor(0)))
    right, wrong = torch.tensor([[2.0, 0.0], [0.0, 2.0]]).log_softmax(-1)[:, 0]
    torch.testing.assert_close(terms["loss"][0], -(3 * right + wrong))
    torch.testing.assert_close(terms["log_likelihood"][0], right + wrong)
    assert terms["accuracy"].tolist() == [0.5, 1.0]
    assert terms["loss"][1] == terms["log_likelihood"][1] == 0
    terms["loss"].sum().backward()
    assert (model.network.h.grad[:, :, 0, 2] == 0).all() and model.network.h.grad.any()


def test_classes_are_shown_in_black_and_white_or_in_colours():
    y = torch.tensor([[[[0, 1, -1]]]])
    assert Segment(2).presentation.to_picture(y, y).tolist() == [[[[0, 1, 0.5]]]]
    shown = Segment(9).presentation.to_picture(y, torch.tensor([[[[0, 7, -1]]]]))
    assert shown.shape == (1, 3, 1, 3)
    expected = [[0, 0, 0], [128, 128, 128], [224, 224, 192]]  # as the Pascal kit draws them
    assert (shown[0, :, 0].T * 255).tolist() == expected
    assert len({tuple(colour) for colour in make_palette(200).tolist()}) == 201


def test_the_estimate_is_the_most_likely_class():
    p = PixelClasses((1, 1, 2), 3)(torch.tensor([[[[0.0, 1.0]], [[2.0, 0.0]], [[1.0, 5.0]]]]))
    assert Segment(3).presentation.estimate(p).tolist() == [[[[1, 2]]]]
