"""A training step of the VAE paper's network against the plain PyTorch loop, as a ratio.

    python benchmarks/vae_step.py

784-500-20-500-784, tanh, batches of 100 MNIST-sized images, one thread. Both make their own data
order, draw dynamic binarization and update with Adam; rounds alternate, and the medians of process
CPU time are compared. The plain loop is what a tutorial has: a DataLoader over tensors, float32,
`Adam` with default arguments, `.item()` at every step.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import statistics
import tempfile
import time

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

from immersion.data import Dataset, MemorySplit, binarize
from immersion.engine import Options, train
from immersion.machine import describe_machine
from immersion.nn import Architecture
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.spec import Spec

STEPS, ROUNDS, BATCH = 300, 7, 100
ARCHITECTURE = Architecture("dense", width=500, depth=1, activation="tanh")


def make_images() -> MemorySplit:
    """Return as many grey levels as MNIST's training split has; their values do not matter."""
    levels = torch.randint(0, 256, (50_000, 1, 28, 28), dtype=torch.uint8)
    return MemorySplit(levels, None, "unit")


def time_engine(split: MemorySplit) -> float:
    """Return CPU milliseconds a step of the engine."""
    spec = Spec("levels", (1, 28, 28), "unit", binarize="dynamic")
    data = binarize(Dataset(spec, split, split, split, {}), "dynamic")
    experiment = RecipeCall("vae", {"architecture": ARCHITECTURE}).build(spec)
    options = Options(steps=STEPS, batch_size=BATCH, validate_every=0, checkpoint_seconds=1e9)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        train(experiment, data, RunFolder(folder), options)
        return 1000 * (time.process_time() - started) / STEPS


def time_plain_loop(split: MemorySplit) -> float:
    """Return CPU milliseconds a step of the loop of a tutorial."""
    spec = Spec("levels", (1, 28, 28), "unit", binarize="dynamic")
    model = RecipeCall("vae", {"architecture": ARCHITECTURE}).build(spec).model
    loader = DataLoader(TensorDataset(split.x.float() / 255), batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    started = time.process_time()
    for step, (levels,) in enumerate(loader):
        if step == STEPS:
            break
        x = torch.bernoulli(levels)
        mean, log_variance = model.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        logits = model.decoder(z)
        error = binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = (error + kl) / BATCH
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return 1000 * (time.process_time() - started) / STEPS


def main() -> None:
    """Alternate the two and print medians and their ratio."""
    torch.set_num_threads(1)
    split = make_images()
    time_engine(split), time_plain_loop(split)  # warm up
    rounds = [(time_engine(split), time_plain_loop(split)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(there / here for here, there in rounds)
    print(describe_machine())
    print(
        f"engine {mine:.2f} ms, plain loop {theirs:.2f} ms a step (CPU time, medians of {ROUNDS})"
    )
    print(f"the plain loop takes {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
