"""The likelihood of classes: what softmax says of each pixel, and nothing of void ones."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import cross_entropy

from immersion.check import UserError
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.random import make_generator, use_seed


def made(classes=5, batch=(3,), dtype=torch.float64):
    """Logits, and classes of which some are void."""
    source = make_generator(0, "classes")
    h = 2 * torch.randn(*batch, classes, 4, 6, generator=source, dtype=dtype)
    y = torch.randint(-1, classes, (*batch, 1, 4, 6), generator=source)
    return PixelClasses((1, 4, 6), classes), h, y


def test_it_is_the_cross_entropy_summed_over_pixels_that_have_a_class():
    likelihood, h, y = made()
    expected = -cross_entropy(h, y.squeeze(1), ignore_index=-1, reduction="none").flatten(1).sum(1)
    p = likelihood(h)
    assert (p.batch_shape, p.event_shape) == ((3,), (1, 4, 6))
    torch.testing.assert_close(p.log_prob(y), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(p.log_prob(y.double()), expected, rtol=1e-12, atol=1e-12)
    assert (p.base_dist.log_prob(y)[y == -1] == 0).all() and (y == -1).any()


def test_void_pixels_have_no_gradient_and_the_others_have_theirs():
    likelihood, h, y = made()
    h.requires_grad_()
    assert gradcheck(lambda h: likelihood(h).log_prob(y), h, fast_mode=True)
    (gradient,) = torch.autograd.grad(likelihood(h).log_prob(y).sum(), h)
    void = (y == -1).expand_as(h)
    assert (gradient[void] == 0).all() and (gradient[~void] != 0).all()


def test_probabilities_add_to_one_and_the_mode_has_the_largest():
    likelihood, h, _ = made()
    p = likelihood(h)
    torch.testing.assert_close(p.base_dist.probs.sum(1), torch.ones(3, 4, 6).double())
    largest = p.base_dist.probs.gather(1, p.mode).squeeze(1)
    assert torch.equal(largest, p.base_dist.probs.amax(1)) and p.mode.shape == (3, 1, 4, 6)
    each = torch.stack([p.base_dist.log_prob(torch.full_like(p.mode, k)) for k in range(5)])
    torch.testing.assert_close(each.exp().squeeze(2).movedim(0, 1), p.base_dist.probs)


def test_draws_are_as_frequent_as_they_are_probable():
    likelihood, h, _ = made(3, (2,))
    p = likelihood(h)
    with use_seed(0, "draw"):
        y = p.sample((4000,))
    assert y.shape == (4000, 2, 1, 4, 6) and p.log_prob(y).shape == (4000, 2)
    shares = torch.stack([(y == k).double().mean(0).squeeze(1) for k in range(3)], 1)
    assert (shares - p.base_dist.probs).abs().max() < 5 * 0.5 / 4000**0.5
    likelihood.check(y)


def test_logits_of_half_precision_are_widened_and_any_size_will_do():
    likelihood, h, y = made(dtype=torch.bfloat16)
    assert likelihood(h).log_prob(y).dtype == torch.float32
    assert likelihood(torch.zeros(1, 5, 9, 2)).mode.shape == (1, 1, 9, 2)


def test_what_is_no_class_is_refused():
    likelihood = PixelClasses((1, 2, 2), 3)
    likelihood.check(torch.tensor([-1, 0, 2]))
    for wrong in ([0, 3], [-2, 0], [0.5, 1.0], [float("nan"), 0.0]):
        with pytest.raises(UserError, match="class numbers from 0 to 2, or -1 for none"):
            likelihood.check(torch.tensor(wrong))
    with pytest.raises(UserError, match="too few classes: expected at least 2, received 1"):
        PixelClasses((1, 2, 2), 1)
