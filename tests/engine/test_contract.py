"""What an objective must return, said at the first step."""

import pytest
import torch

import immersion as im
from immersion.check import UserError

OBJECTIVES = {
    "does not return named terms": lambda model, batch: model(batch.x).sum(1),
    "has no loss to minimise": lambda model, batch: {"error": model(batch.x).sum(1)},
    r"expected shape \(20,\), received \(\)": lambda model, batch: {"loss": model(batch.x).mean()},
    r"received \(20, 5\)": lambda model, batch: {"loss": model(batch.x)},
    r"expected shape \(20,\), received float": lambda model, batch: {
        "loss": model(batch.x).sum(1),
        "size": 1.0,
    },
    "name of .* is reserved: .*, received step": lambda model, batch: {
        "loss": model(batch.x).sum(1),
        "step": model(batch.x).sum(1),
    },
    "is reserved: expected no slash, .*, received a/b": lambda model, batch: {
        "loss": model(batch.x).sum(1),
        "a/b": model(batch.x).sum(1),
    },
    "does not depend on parameters": lambda model, batch: {"loss": batch.x.sum(1)},
}


@pytest.mark.parametrize("words", OBJECTIVES)
def test_a_broken_objective_is_a_sentence_at_the_first_step(tmp_path, words):
    with pytest.raises(UserError, match=words):
        im.fit(
            torch.nn.Linear(5, 5),
            torch.randn(60, 5),
            objective=OBJECTIVES[words],
            out=tmp_path / "run",
            steps=1000,
            batch_size=20,
            progress=False,
            verbose=False,
        )
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == ""
