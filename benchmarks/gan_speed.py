"""A step of DCGAN at 32x32 against the plain PyTorch loop, as a ratio; then with R1 penalties.

    python benchmarks/gan_speed.py

One update of the discriminator and one of the generator a step, batches of 64 colour images, the
networks of DCGAN with 64 channels, the non-saturating game, Adam, one thread. Both sides have the
same networks and number of parameters, and alternate; the medians of process CPU time are
compared. A third row has the penalty on a quarter of each batch, the engine's default, which has
the same mean. The plain loop is the one of PyTorch's tutorial: a DataLoader over tensors, float32,
`Adam` with default settings, `.item()` for the log. The engine's step also logs V(D, G), accuracy
and gradient norms. On a CUDA device the step captured in a graph is compared with the same step
run eagerly, in wall-clock time.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import statistics
import tempfile
import time
from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from immersion.data import Dataset, MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, train
from immersion.engine.turn import Turn
from immersion.machine import describe_machine
from immersion.nn import Architecture
from immersion.objectives.penalties import Penalties
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.spec import Spec

STEPS, ROUNDS, BATCH, LATENT = 12, 7, 64, 100
GAMMA = 1.0
SPEC = Spec("levels", (3, 32, 32), "unit")


def make_images() -> MemorySplit:
    """Return colour levels; their values do not matter."""
    return MemorySplit(torch.randint(0, 256, (2000, 3, 32, 32), dtype=torch.uint8), None, "unit")


def build_experiment(gamma: float, share: float = 1.0) -> Experiment:
    """Return the experiment of the recipe `gan`."""
    arguments = {
        "latent_dim": LATENT,
        "architecture": Architecture("dcgan", width=64),
        "game": "non-saturating",
        "penalties": Penalties(r1=gamma, share=share),
        "optimizer": OptimizerSettings(learning_rate=2e-4, schedule="constant", momentum=0.5),
    }
    return RecipeCall("gan", arguments).build(SPEC)


def run_engine(split: MemorySplit, gamma: float, steps: int = STEPS, share: float = 1.0) -> None:
    """Make some steps with the engine."""
    data = Dataset(SPEC, split, split, split, {})
    options = Options(steps=steps, batch_size=BATCH, ema=0.0, validate_every=0)
    with tempfile.TemporaryDirectory() as folder:
        train(build_experiment(gamma, share), data, RunFolder(folder), options)


def run_plain_loop(split: MemorySplit, gamma: float, steps: int = STEPS) -> None:
    """Make as many steps with the loop of a tutorial."""
    model = build_experiment(gamma).model
    generator, discriminator = model.generator, model.discriminator.network
    players = generator.parameters(), discriminator.parameters()
    of_g, of_d = (torch.optim.Adam(p, lr=2e-4, betas=(0.5, 0.999)) for p in players)
    loader = DataLoader(TensorDataset(split.x.float() / 127.5 - 1), BATCH, shuffle=True)
    for step, (x,) in enumerate(loader):
        if step == steps:
            break
        real, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
        discriminator.zero_grad()
        x.requires_grad_(gamma > 0)
        logits = discriminator(x)
        loss = cross_entropy(logits, real)
        if gamma:
            loss = loss + gamma / 2 * _squared_slope(logits, x)
        loss.backward()
        made = 2 * generator(torch.randn(BATCH, LATENT)) - 1
        loss_of_fake = cross_entropy(discriminator(made.detach()), fake)
        loss_of_fake.backward()
        of_d.step()
        generator.zero_grad()
        loss_of_g = cross_entropy(discriminator(made), real)
        loss_of_g.backward()
        of_g.step()
        loss.item(), loss_of_fake.item(), loss_of_g.item()


def _squared_slope(logits: Tensor, x: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def measure_cpu_milliseconds(make: Callable[[MemorySplit, float], None], *given: object) -> float:
    """Return CPU milliseconds a step."""
    started = time.process_time()
    make(*given)
    return 1000 * (time.process_time() - started) / STEPS


def compare_on_cpu(gamma: float, share: float) -> None:
    """Alternate engine and plain loop; print medians and their ratio."""
    split = make_images()
    run_engine(split, gamma, 2, share), run_plain_loop(split, gamma, 2)  # warm up
    rounds = [
        (
            measure_cpu_milliseconds(run_engine, split, gamma, STEPS, share),
            measure_cpu_milliseconds(run_plain_loop, split, gamma),
        )
        for _ in range(ROUNDS)
    ]
    what = f"R1 gamma {gamma:g} on {share:.0%} of the batch: engine"
    _print(what, "plain loop", rounds, "CPU time")


def compare_on_cuda(gamma: float, steps: int = 300) -> None:
    """Alternate the captured step and the same step run eagerly; print medians and their ratio."""

    def wall(capture: bool) -> float:
        with patch.object(Turn, "capturable", capture):
            torch.cuda.synchronize()
            started = time.monotonic()
            run_engine(make_images(), gamma, steps)
            torch.cuda.synchronize()
        return 1000 * (time.monotonic() - started) / steps

    wall(True), wall(False)
    rounds = [(wall(True), wall(False)) for _ in range(ROUNDS)]
    _print(f"R1 gamma {gamma:g}: captured", "eager", rounds, "wall clock")


def _print(first: str, second: str, rounds: list[tuple[float, float]], clock: str) -> None:
    mine, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(there / here for here, there in rounds)
    print(f"{first} {mine:.1f} ms, {second} {theirs:.1f} ms a step ({clock}, medians of {ROUNDS})")
    print(f"  {second} takes {ratio:.2f} times as long", flush=True)


def main() -> None:
    """Time both rows on what this machine has."""
    torch.set_num_threads(1)
    print(describe_machine())
    if torch.cuda.is_available():
        compare_on_cuda(0.0), compare_on_cuda(GAMMA)
        return
    for gamma, share in ((0.0, 1.0), (GAMMA, 1.0), (GAMMA, 0.25)):
        compare_on_cpu(gamma, share)


if __name__ == "__main__":
    main()
