"""Pictures through a network, and training of such networks, against the plain way; as ratios.

    python benchmarks/apply_speed.py

Four networks on a grey picture of 512 x 512: DnCNN with 17 layers, an FFDNet-sized restorer (64
channels, 14 convolutions at half resolution), the same shown the strength of the noise, and a
U-Net. The plain way is what published code does: the network called in float32 on the whole
picture. Ours is what `immersion apply` does to a picture in memory: levels to numbers, the guard
that measures what bfloat16 costs on a part of the picture, tiles, and back to levels; with
PyTorch, and with OpenVINO where it is installed. Then a training step: 16 patches of 48 x 48, the
engine's step against a DataLoader, float32 and Adam. One thread; both sides alternate; medians of
process CPU time are compared. The cost of bfloat16 is that of the precision guard.
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
from torch.utils.data import DataLoader, TensorDataset

from immersion.data import Dataset
from immersion.data.patches import PatchSplit
from immersion.engine import OptimizerSettings, Options, train
from immersion.image_io import Picture
from immersion.inference.backends import open_backend
from immersion.inference.precision_guard import compute_psnr_loss
from immersion.inference.predict import predict_picture
from immersion.inference.settings import InferenceOptions
from immersion.machine import describe_machine
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.precision import has_native_bfloat16
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.spec import Spec

SIDE, ROUNDS = 512, 5
STEPS, BATCH, PATCH = 12, 16, 48
SPEC = Spec("levels", (1, PATCH, PATCH), "unit")
NETWORKS = {
    "DnCNN-17": ImageToImageArchitecture("dncnn"),
    "restorer 64 x 14": ImageToImageArchitecture("restorer", 64, 6),
    "noise-aware 64 x 14": ImageToImageArchitecture("noise-aware", 64, 6),
    "U-Net 32": ImageToImageArchitecture("unet"),
}


def experiment(translation: ImageToImageArchitecture):
    """Return the training of a denoiser."""
    arguments = {
        "translation": translation,
        "optimizer": OptimizerSettings(learning_rate=1e-3, schedule="constant"),
    }
    return RecipeCall("denoise", arguments).build(SPEC)


def compare_application(
    translation: ImageToImageArchitecture, backend: str
) -> tuple[Callable[[], object], Callable[[], object], float]:
    """Return our call, the plain one, and the loss of PSNR in dB by ours."""
    model = experiment(translation).model.eval()
    theirs = deepcopy(model.network)
    model.to(memory_format=torch.channels_last)  # as `immersion apply` does
    levels = torch.randint(0, 256, (1, SIDE, SIDE), dtype=torch.uint8)
    picture, x = Picture(levels), levels.float()[None] / 255
    low = has_native_bfloat16(torch.device("cpu"))
    precision = torch.bfloat16 if low else torch.float32
    options = InferenceOptions(precision=precision, backend=backend)

    def plain() -> object:
        with torch.no_grad():
            return theirs(x)

    exact = open_backend("torch", model, 1).predict(x, torch.float32)
    rounded = open_backend(backend, model, 1).predict(x, precision)
    return (
        lambda: predict_picture(model, 1, picture, options),
        plain,
        compute_psnr_loss(exact, rounded),
    )


def engine(translation: ImageToImageArchitecture, split: PatchSplit, steps: int) -> None:
    """Make some steps with the engine."""
    options = Options(steps=steps, batch_size=BATCH, ema=0.0, validate_every=0, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        data = Dataset(SPEC, split, split, split, {})
        train(experiment(translation), data, RunFolder(folder), options)


def loop(translation: ImageToImageArchitecture, split: PatchSplit, steps: int) -> None:
    """Make as many steps with a plain loop, which minimises the squared error."""
    network = experiment(translation).model.network
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    patches, _ = split.batch(torch.arange(steps * BATCH) % len(split))
    for (clean,) in DataLoader(TensorDataset(patches), BATCH, shuffle=True):
        noisy = clean + 25 / 255 * torch.randn_like(clean)
        adam.zero_grad()
        loss = (noisy + network(noisy)[:, :1] - clean).square().mean()
        loss.backward()
        adam.step()
        loss.item()


def seconds(call: Callable[[], object]) -> float:
    """Return CPU seconds."""
    started = time.process_time()
    call()
    return time.process_time() - started


def compare(ours: Callable[[], object], theirs: Callable[[], object], per: int) -> str:
    """Alternate the two; return medians in milliseconds, and the ratio."""
    ours(), theirs()  # warm up
    rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    mine, plain = (1000 * statistics.median(side) / per for side in zip(*rounds, strict=True))
    ratio = statistics.median(there / here for here, there in rounds)
    return f"ours {mine:.0f} ms, plain {plain:.0f} ms: plain takes {ratio:.2f} times as long"


def main() -> None:
    """Time all rows on what this machine has."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{describe_machine()}; CPU time, one thread, medians of {ROUNDS}")
    split = PatchSplit((torch.randint(0, 256, (1, 480, 480), dtype=torch.uint8),), PATCH)
    there = [name for name in ("torch", "openvino") if name == "torch" or find_spec(name)]
    for name, translation in NETWORKS.items():
        for backend in there:
            ours, theirs, lost = compare_application(translation, backend)
            line = f"{compare(ours, theirs, 1)}; {lost:.4f} dB lost"
            print(f"{name}, {SIDE} x {SIDE}, {backend}: {line}", flush=True)
    for name, translation in NETWORKS.items():
        rows = [lambda make=make, t=translation: make(t, split, STEPS) for make in (engine, loop)]
        print(f"{name}, training step: {compare(*rows, STEPS)}", flush=True)


if __name__ == "__main__":
    main()
