"""Image-to-image inference and training, compared with plain PyTorch, as ratios.

    python benchmarks/apply_speed.py

Four networks on a grey picture of 512 x 512: DnCNN with 17 layers, an FFDNet-sized restorer (64
channels, 14 convolutions at half resolution), the same with the strength of the noise as input,
and a U-Net. The plain version is that of published code: the network in float32 on the whole
picture. Ours is what `immersion apply` does to a picture in memory: levels to numbers, the guard
that measures what bfloat16 costs on a part of the picture, tiles, and back to levels; with
PyTorch, and with OpenVINO where it is installed. Then a training step: 16 patches of 48 x 48, the
engine's step against a DataLoader, float32 and Adam. One thread; both sides alternate; medians of
process CPU time are compared. The loss through bfloat16 is the guard's own measure.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import statistics
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec

import torch
from torch.distributions import Normal
from torch.utils.data import DataLoader, TensorDataset

from immersion.data import Dataset, Spec
from immersion.data.patches import PatchSplit
from immersion.engine import Experiment, OptimizerSettings, Options, train
from immersion.image_io import Picture
from immersion.inference.backends import BACKENDS, Backend, in_torch
from immersion.inference.precision_guard import decibels_lost
from immersion.inference.translate import Manner, translate
from immersion.machine import describe_machine
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.precision import has_native_bfloat16
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder

SIDE, ROUNDS = 512, 5
STEPS, BATCH, PATCH = 12, 16, 48
SPEC = Spec("levels", (1, PATCH, PATCH), "unit")
NETWORKS = {
    "DnCNN-17": ImageToImageArchitecture("dncnn"),
    "restorer 64 x 14": ImageToImageArchitecture("restorer", 64, 6),
    "noise-aware 64 x 14": ImageToImageArchitecture("aware", 64, 6),
    "U-Net 32": ImageToImageArchitecture("unet"),
}


def build_experiment(translation: ImageToImageArchitecture) -> Experiment:
    """Return the training of a denoiser."""
    arguments = {
        "translation": translation,
        "optimizer": OptimizerSettings(learning_rate=1e-3, schedule="constant"),
    }
    return RecipeCall("denoise", arguments).build(SPEC)


def prepare_sides(
    translation: ImageToImageArchitecture, backend: Backend
) -> tuple[Callable[[], object], Callable[[], object], float]:
    """Return this package's call, the plain call, and the PSNR in dB that the first one loses."""
    model = build_experiment(translation).model.eval()
    theirs = deepcopy(model.network)
    model.to(memory_format=torch.channels_last)  # as `immersion apply` lays it out
    levels = torch.randint(0, 256, (1, SIDE, SIDE), dtype=torch.uint8)
    picture, x = Picture(levels), levels.float()[None] / 255
    low = has_native_bfloat16(torch.device("cpu"))
    manner = Manner(precision=torch.bfloat16 if low else torch.float32, backend=backend)

    def plain() -> object:
        with torch.no_grad():
            return theirs(x)

    exact, rounded = (
        Normal(*work(x, precision))
        for work, precision in (
            (in_torch(model, 1), torch.float32),
            (backend(model, 1), manner.precision),
        )
    )
    return (
        lambda: translate(model, 1, picture, manner),
        plain,
        decibels_lost(exact, rounded),
    )


def run_engine(translation: ImageToImageArchitecture, split: PatchSplit, steps: int) -> None:
    """Make some steps with the engine."""
    options = Options(steps=steps, batch_size=BATCH, ema=0.0, validate_every=0, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        data = Dataset(SPEC, split, split, split, {})
        train(build_experiment(translation), data, RunFolder(folder), options)


def run_plain_loop(translation: ImageToImageArchitecture, split: PatchSplit, steps: int) -> None:
    """Make as many steps with a plain loop, which minimises the squared error."""
    network = build_experiment(translation).model.network
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    patches, _ = split.batch(torch.arange(steps * BATCH) % len(split))
    for (clean,) in DataLoader(TensorDataset(patches), BATCH, shuffle=True):
        noisy = clean + 25 / 255 * torch.randn_like(clean)
        adam.zero_grad()
        loss = (noisy + network(noisy)[:, :1] - clean).square().mean()
        loss.backward()
        adam.step()
        loss.item()


def measure_seconds(call: Callable[[], object]) -> float:
    """Return CPU seconds."""
    started = time.process_time()
    call()
    return time.process_time() - started


def compare(ours: Callable[[], object], theirs: Callable[[], object], per: int) -> str:
    """Alternate the two; return medians in milliseconds, and the ratio."""
    ours(), theirs()  # warm up
    rounds = [(measure_seconds(ours), measure_seconds(theirs)) for _ in range(ROUNDS)]
    mine, plain = (1000 * statistics.median(side) / per for side in zip(*rounds, strict=True))
    ratio = statistics.median(there / here for here, there in rounds)
    return f"ours {mine:.0f} ms, plain {plain:.0f} ms: plain takes {ratio:.2f} times as long"


def main() -> None:
    """Time all rows on what this machine has."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{describe_machine()}; CPU time, one thread, medians of {ROUNDS}")
    split = PatchSplit((torch.randint(0, 256, (1, 480, 480), dtype=torch.uint8),), PATCH)
    there = [name for name in BACKENDS if name == "torch" or find_spec(name)]
    for name, translation in NETWORKS.items():
        for backend in there:
            ours, theirs, lost = prepare_sides(translation, BACKENDS[backend])
            text = f"{compare(ours, theirs, 1)}; {lost:.4f} dB lost"
            print(f"{name}, {SIDE} x {SIDE}, {backend}: {text}", flush=True)
    for name, translation in NETWORKS.items():
        rows = [
            lambda make=make, t=translation: make(t, split, STEPS)
            for make in (run_engine, run_plain_loop)
        ]
        print(f"{name}, training step: {compare(*rows, STEPS)}", flush=True)


if __name__ == "__main__":
    main()
