"""The two losses of an adversarial game and the penalties, against what is known by hand."""

import pytest
import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.check import UserError
from immersion.models import GAN, Discriminator
from immersion.objectives import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties, squared_slope
from immersion.priors import Labelled, StandardNormal
from immersion.random import make_generator

W = torch.tensor([3.0, -4.0])  # of norm 5
MADE = torch.tensor([0.5, 0.25])
EXAMPLES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.25], [2.0, 2.0]])
TERMS = {"loss", "value", "accuracy", "real", "fake", "penalty"}


def linear(weight: Tensor, bias: float) -> nn.Linear:
    """C(x) = weight . x + bias."""
    layer = nn.Linear(len(weight), 1)
    layer.weight.data.copy_(weight[None])
    layer.bias.data.fill_(bias)
    return layer


def gan(bias: float = 0.0, spread: float = 0.0, **options) -> GAN:
    """x = MADE + spread (z, z), judged by C(x) = W . x + bias."""
    made = nn.Linear(1, 2)
    made.weight.data.fill_(spread)
    made.bias.data.copy_(MADE)
    weight = W.repeat(options.get("pack", 1))
    return GAN(made, Discriminator(linear(weight, bias), **options), StandardNormal(1), 1)


def batch(x: Tensor = EXAMPLES, y: Tensor | None = None) -> Batch:
    return Batch(x, y, torch.tensor(0))


@pytest.mark.parametrize("name", sorted(GAMES))
def test_the_discriminators_terms(name):
    game, x = GAMES[name](), EXAMPLES
    terms = DiscriminatorLoss(game)(gan(bias=1.0), batch())
    real, fake = x @ W + 1, torch.full((4,), float(MADE @ W) + 1)
    assert terms.keys() == TERMS
    assert all(term.shape == (4,) for term in terms.values())
    torch.testing.assert_close(terms["real"], real)
    torch.testing.assert_close(terms["fake"], fake)
    torch.testing.assert_close(terms["loss"], game.discriminator(real, fake))
    d_real, d_fake = real.sigmoid(), fake.sigmoid()
    torch.testing.assert_close(terms["value"], d_real.log() + (1 - d_fake).log())
    # An example that is the generated one is a tie: it does not count as told apart.
    assert terms["accuracy"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert terms["penalty"].tolist() == [0.0] * 4


@pytest.mark.parametrize("name", sorted(GAMES))
def test_the_generators_terms(name):
    game = GAMES[name]()
    terms = GeneratorLoss(game)(gan(bias=1.0), batch())
    real, fake = EXAMPLES @ W + 1, torch.full((4,), float(MADE @ W) + 1)
    assert terms.keys() == {"loss"} | ({"saturated"} if game.of_probabilities else set())
    torch.testing.assert_close(terms["loss"], game.generator(real, fake))


@pytest.mark.parametrize(("bias", "saturated"), [(-5.5, 1.0), (-4.0, 0.0), (5.0, 0.0)])
def test_a_surely_rejected_sample_is_saturated(bias, saturated):
    # C(g(z)) = 1/2 + bias, and D = 0.01 at C = -4.595.
    terms = GeneratorLoss(GAMES["minimax"]())(gan(bias), batch())
    assert terms["saturated"].tolist() == [saturated] * 4


@pytest.mark.parametrize("name", sorted(GAMES))
@pytest.mark.parametrize("penalties", [Penalties(), Penalties(1.0, 1.0, 1.0)])
def test_gradients_reach_their_own_player_and_no_other(name, penalties):
    model, game = gan(spread=1.0), GAMES[name]()
    DiscriminatorLoss(game, penalties)(model, batch())["loss"].mean().backward()
    assert all(p.grad is None for p in model.generator.parameters())
    assert model.discriminator.network.weight.grad.abs().sum() > 0
    GeneratorLoss(game)(model, batch())["loss"].mean().backward()
    assert model.generator.weight.grad.abs().sum() > 0


def test_the_generators_gradient_is_the_chain_rule():
    # d/db of -C(b) is -W.
    model = gan()
    GeneratorLoss(GAMES["wasserstein"]())(model, batch())["loss"].mean().backward()
    torch.testing.assert_close(model.generator.bias.grad, -W)


@pytest.mark.parametrize(
    ("penalties", "expected"),
    [
        (Penalties(r1=2.0), 25.0),
        (Penalties(r2=4.0), 50.0),
        (Penalties(gradient_penalty=10.0), 160.0),
        (Penalties(2.0, 4.0, 10.0), 235.0),
    ],
)
@pytest.mark.parametrize("pack", [1, 2])
def test_penalties_of_a_linear_critic(penalties, expected, pack):
    """||grad C|| is 5 everywhere; of two in a pack sqrt(50)."""
    terms = DiscriminatorLoss(GAMES["hinge"](), penalties)(gan(spread=1.0, pack=pack), batch())
    if pack == 2:
        gap = 50**0.5 - 1
        slope = penalties.r1 / 2 * 50 + penalties.r2 / 2 * 50
        expected = slope + penalties.gradient_penalty * gap**2
    assert terms["penalty"].tolist() == pytest.approx([expected] * (4 // pack), rel=1e-5)
    plain = GAMES["hinge"]().discriminator(terms["real"], terms["fake"])
    torch.testing.assert_close(terms["loss"] - terms["penalty"], plain, atol=1e-4, rtol=1e-4)


class Quadratic(nn.Module):
    """C(x) = x' A x / 2 with a symmetric A, whose gradient is A x."""

    def __init__(self, size: int) -> None:
        super().__init__()
        half = torch.randn(
            size, size, generator=make_generator(0, "quadratic"), dtype=torch.float64
        )
        self.a = nn.Parameter(half + half.T)

    def forward(self, x: Tensor) -> Tensor:
        return ((x @ self.a) * x).sum(1, keepdim=True) / 2


def drawn(name: str, n: int = 6) -> Tensor:
    return torch.randn(n, 2, generator=make_generator(0, name), dtype=torch.float64)


@pytest.mark.parametrize("pack", [1, 2, 3])
def test_penalties_of_a_quadratic_critic(pack):
    network = Quadratic(2 * pack)
    critic, x, made = Discriminator(network, pack=pack), drawn("x"), drawn("made")
    # Judged together: examples i, i + B / pack, ... side by side.
    wide_x, wide_made = (torch.cat(v.chunk(pack), dim=1) for v in (x, made))
    at_real, at_fake = (
        (wide @ network.a).square().sum(1).detach() for wide in (wide_x, wide_made)
    )
    real, fake, r1 = Penalties(r1=3.0)(critic, x, made, None)
    torch.testing.assert_close(r1, 1.5 * at_real)
    torch.testing.assert_close(real, network(wide_x)[:, 0])
    torch.testing.assert_close(fake, network(wide_made)[:, 0])
    torch.testing.assert_close(Penalties(r2=3.0)(critic, x, made, None)[2], 1.5 * at_fake)
    # Between an example and itself lies the example.
    _, _, penalty = Penalties(gradient_penalty=7.0)(critic, x, x, None)
    torch.testing.assert_close(penalty, 7 * (at_real.sqrt() - 1).square())


def test_a_penaltys_own_gradient():
    # d/dA of ||A x||^2 / 2 for symmetric entries moved one by one: (A x) x'.
    network, x = Quadratic(2), drawn("x")
    _, _, r1 = Penalties(r1=1.0)(Discriminator(network), x, drawn("made"), None)
    (gradient,) = torch.autograd.grad(r1.sum(), network.a)
    a = network.a.detach()
    # C depends on A through its symmetric part alone.
    own = (x @ a).T @ x
    torch.testing.assert_close(gradient, (own + own.T) / 2)


def test_the_gradient_penalty_looks_between_the_two_examples():
    seen = []

    def critic(x: Tensor, y: Tensor | None) -> Tensor:
        seen.append(x.detach())
        return x.square().sum(1) / 2

    x, made = drawn("x", 400), drawn("made", 400)
    torch.manual_seed(0)
    _, _, penalty = Penalties(gradient_penalty=10.0)(critic, x, made, None)
    u = seen[-1]
    torch.testing.assert_close(penalty, 10 * (u.norm(dim=1) - 1).square())
    way = (u - made) / (x - made)
    torch.testing.assert_close(way[:, 0], way[:, 1])  # on the line
    assert 0 <= way.min() < 0.02 and 0.98 < way.max() <= 1 and abs(way.mean() - 0.5) < 0.06


def test_images_have_one_slope_each():
    x = torch.rand(3, 2, 4, 4, requires_grad=True)
    weight = torch.randn(2, 4, 4)
    slope = squared_slope((weight * x).sum((1, 2, 3)), x)
    torch.testing.assert_close(slope, weight.square().sum().expand(3))


def test_a_look_without_gradients_is_without_penalties():
    with torch.no_grad():
        terms = DiscriminatorLoss(GAMES["minimax"](), Penalties(1.0, 1.0, 1.0))(gan(), batch())
    assert terms["penalty"].tolist() == [0.0] * 4


@pytest.mark.parametrize("wrong", ["r1", "r2", "gradient_penalty"])
def test_negative_weights_are_refused(wrong):
    with pytest.raises(UserError, match=wrong.replace("_", "-")):
        Penalties(**{wrong: -1.0})


def test_labels_select_the_logit():
    network = nn.Linear(2, 3)
    critic = Discriminator(network)
    y = torch.tensor([2, 0, 1, 2])
    logits = network(EXAMPLES)
    expected = torch.stack([logits[i, label] for i, label in enumerate(y)])
    assert torch.equal(critic(EXAMPLES, y), expected)
    _, _, r1 = Penalties(r1=2.0)(critic, EXAMPLES, EXAMPLES, y)
    torch.testing.assert_close(r1, network.weight[y].square().sum(1))


def test_generator_and_discriminator_are_given_the_class():
    """g(noise, y) = (y, y); a critic that has C_k(x) = 10 [x = k] sees its own class."""
    made = nn.Linear(4, 1, bias=False)
    made.weight.data.copy_(torch.tensor([[0.0, 0.0, 1.0, 2.0]]))

    class Knows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 10.0 * (x == torch.arange(3.0))

    prior = Labelled(StandardNormal(1), 3)
    model = GAN(made, Discriminator(Knows()), prior, latent_dim=4)
    y = torch.tensor([2, 0, 1, 2])
    terms = DiscriminatorLoss(GAMES["wasserstein"]())(model, batch(y[:, None].float(), y))
    assert terms["fake"].tolist() == terms["real"].tolist() == [10.0] * 4


def test_the_discriminator_stretches_levels():
    critic = Discriminator(linear(W, 0.0), levels=True)
    torch.testing.assert_close(critic(EXAMPLES, None), (2 * EXAMPLES - 1) @ W)


def test_a_pack_has_one_logit():
    weight = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    critic = Discriminator(linear(weight, 0.0), pack=2)
    x = torch.arange(8.0).view(4, 2)  # (0, 1), (2, 3), (4, 5), (6, 7)
    assert critic(x, None).tolist() == [5410.0, 7632.0]
    images = torch.rand(4, 3, 5, 5)
    network = nn.Sequential(nn.Conv2d(6, 1, 5), nn.Flatten())
    assert Discriminator(network, pack=2)(images, None).shape == (2,)
    terms = DiscriminatorLoss(GAMES["relativistic"]())(gan(pack=2), batch())
    assert all(term.shape == (2,) for term in terms.values())


@pytest.mark.parametrize(
    ("pack", "shown", "seen"),
    [(2, 3, [0, 1, 2, 0]), (3, 1, [0, 0, 0]), (5, 2, [0, 1, 0, 1, 0]), (4, 6, [*range(6), 0, 1])],
)
def test_the_last_pack_is_filled_up_from_the_beginning(pack, shown, seen):
    critic = Discriminator(linear(torch.logspace(0, 2, 2 * pack), 0.0), pack=pack)
    x = torch.arange(2.0 * shown).view(shown, 2)
    assert torch.equal(critic(x, None), critic(x[seen], None))


def test_slopes_are_those_in_what_the_network_is_shown():
    plain = Discriminator(linear(W, 0.0))
    stretched = Discriminator(linear(W, 0.0), levels=True)  # its logits rise twice as fast in x
    penalties = Penalties(r1=2.0, r2=2.0)
    for critic in (plain, stretched):
        *_, penalty = penalties(critic, EXAMPLES, EXAMPLES, None, critic.stretch)
        torch.testing.assert_close(penalty, (2 * W.square().sum()).expand(len(EXAMPLES)))


def test_a_share_of_the_batch_carries_the_whole_penalty_on_average():
    critic = Discriminator(linear(W, 0.0))
    x = EXAMPLES.repeat(2, 1)
    *_, whole = Penalties(r1=2.0, r2=1.0)(critic, x, x, None)
    *_, part = Penalties(r1=2.0, r2=1.0, share=0.25)(critic, x, x, None)
    torch.testing.assert_close(part.mean(), whole.mean())  # a linear critic's slope is one
    assert (part != 0).float().mean() == 0.25


def test_what_augments_sees_examples_and_samples_alike():
    seen = []

    class Shift(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach().clone())
            return x + 1

    model = gan(bias=0.0, augmentation=Shift())
    terms = DiscriminatorLoss(GAMES["minimax"]())(model, batch())
    torch.testing.assert_close(terms["real"], (EXAMPLES + 1) @ W)
    assert torch.equal(seen[0], EXAMPLES) and torch.equal(seen[1], MADE.expand(4, 2))
