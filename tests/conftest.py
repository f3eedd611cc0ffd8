"""What all tests share: one thread, since other jobs run on the machine, and a trained run."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A VAE with 2 latents, trained for a moment on scikit-learn's digits."""
    from immersion.commands.train import train
    from immersion.engine import Options

    out = tmp_path_factory.mktemp("runs") / "vae"
    options = Options(steps=300, batch_size=50, validate_every=100)
    train("vae", data="digits", out=out, options=options, arguments={"latent_dim": 2})
    return out
