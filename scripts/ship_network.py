"""Add a trained image-to-image network, with its model card, to the package.

    python scripts/ship_network.py RUN NAME SUMMARY [SET ...]

The weights are rounded to float16 and then evaluated on each SET (such as set12 and bsd68);
without one, on the test split of the run's own data. The card has the training data, their
licence, the training command, and the numbers with their protocol.
"""

import sys
from pathlib import Path
from typing import Any

import immersion
from immersion.data import DATASETS
from immersion.data.restoration_sets import PICTURE_SETS
from immersion.evaluation.translators import evaluate_translator
from immersion.evaluation_record import Estimates
from immersion.pretrained.bundled import ModelCard, round_weights, write_bundle
from immersion.pretrained.resolve import image_model_of
from immersion.runs.load import Run, load_run


def main(path: str, name: str, summary: str, *sets: str) -> None:
    """Evaluate the network, write it and print its size."""
    run = round_weights(load_run(path))
    record, name_of_data = run.record, run.spec.name
    known = PICTURE_SETS[name_of_data] if name_of_data in PICTURE_SETS else DATASETS[name_of_data]
    protocol, estimates = evaluate(run, sets)
    card = ModelCard(
        name=name,
        summary=summary,
        recipe=record.recipe,
        arguments=record.arguments,
        spec=record.data.spec,
        data=f"{known.examples[0]:,} of {record.data.note or name_of_data}",
        licence=known.licence,
        command=record.command,
        made={
            "machine": record.machine,
            "created": record.created,
            "steps": record.step,
            "seconds": record.outcome.seconds,
        },
        protocol=protocol,
        estimates=estimates,
        sha256="",
    )
    target = write_bundle(run, card, Path(immersion.__file__).parent / "pretrained" / "weights")
    print(f"{target}: {target.with_suffix('.safetensors').stat().st_size:,} bytes of weights")


def evaluate(run: Run, sets: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Estimates]]:
    """Return the protocol, and the estimates on each set of pictures."""
    protocol: dict[str, Any] = {}
    estimates: dict[str, Estimates] = {}
    for name in sets or ("",):
        found = evaluate_translator(image_model_of(run), name)
        protocol = {k: v for k, v in found["protocol"].items() if k not in ("data", "count")}
        estimates[name or run.spec.name] = found["estimates"]
    return protocol, estimates


if __name__ == "__main__":
    main(*sys.argv[1:])
