"""Train the network whose features `immersion evaluate` uses for handwritten digits.

    python scripts/train_digits_network.py

It takes two minutes on one core and writes immersion/metrics/extractors/digits.safetensors
(float16). The network sees MNIST's 50,000 training images, shifted by up to two pixels and, every
other one, sampled to binary values, as autoencoders of binary images generate them. The last
10,000 training images (validation) and the test images are only counted. Copy the printed hash
to immersion/metrics/extractors/digits.py.
"""

import hashlib
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

import immersion.metrics.extractors.digits as digits
from immersion.batch import Split
from immersion.data import load

EPOCHS, BATCH, SHIFT, PEAK = 5, 128, 2, 4e-3


def main() -> None:
    """Train, count errors, save."""
    torch.manual_seed(0)
    data = load("mnist")
    net = digits.build_network().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), PEAK, weight_decay=0.02, fused=True)
    steps = EPOCHS * (len(data.train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, steps)
    begun = time.perf_counter()
    for epoch in range(EPOCHS):
        for indices in torch.randperm(len(data.train)).split(BATCH)[: steps // EPOCHS]:
            x, y = data.train.batch(indices)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                logits = net(augment(x))
            cross_entropy(logits.float(), y).backward()
            optimizer.step()
            schedule.step()
        right = compute_accuracy(net, data.validation)
        seconds = time.perf_counter() - begun
        print(f"epoch {epoch + 1}: {right:.2%} of validation, {seconds:.0f} s", flush=True)
    rescale(net, data.train)
    net.half().float()  # as they will be read
    print(f"test images: {compute_accuracy(net, data.test):.2%} right")
    print(f"test images made binary: {compute_accuracy(net, data.test, binary=True):.2%} right")
    file = Path(digits.__file__).with_name(digits.WEIGHTS)
    save_file({name: w.half().contiguous() for name, w in net.state_dict().items()}, file)
    print(f"{file}: {file.stat().st_size:,} bytes, sha256")
    print(hashlib.sha256(file.read_bytes()).hexdigest())


@torch.no_grad()
def rescale(net: nn.Sequential, split: Split) -> None:
    """Divide the features by one number and give it to the next layer: their mean square is 1."""
    x, _ = split.batch(torch.arange(5000))
    root = net[:-1](x).square().mean().sqrt()
    net[-3].weight /= root
    net[-3].bias /= root
    net[-1].weight *= root


def augment(x: Tensor) -> Tensor:
    """Return digits, (B, 1, 28, 28), all shifted alike, half of them sampled to binary values."""
    down, right = torch.randint(0, 2 * SHIFT + 1, (2,)).tolist()
    x = pad(x, [SHIFT] * 4)[:, :, down : down + 28, right : right + 28]
    binary = torch.rand(len(x), 1, 1, 1) < 0.5
    return torch.where(binary, torch.bernoulli(x), x).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def compute_accuracy(net: nn.Module, split: Split, binary: bool = False) -> float:
    """Return the share of a split that the network classifies correctly."""
    right = 0
    for indices in torch.arange(len(split)).split(1000):
        x, y = split.batch(indices)
        right += (net(torch.bernoulli(x) if binary else x).argmax(1) == y).sum().item()
    return right / len(split)


if __name__ == "__main__":
    main()
