"""The numbers of ISBI 2012's leader board, from probabilities and the truth."""

import pytest
import torch

from immersion.papers import segment
from immersion.papers.segment import compute_leader_board


def test_the_threshold_is_the_best_of_ten_and_each_number_has_its_own():
    truth = torch.ones(2, 9, 12).bool()
    truth[:, :, 5] = False
    faint = torch.where(truth, 0.35, 0.25)  # parted by 0.3 and by no other threshold
    perfect = compute_leader_board(faint, truth)
    assert {name: each.value for name, each in perfect.items()} == {
        "warping": 0,
        "rand": pytest.approx(0, abs=1e-12),
        "pixel": pytest.approx(0, abs=1e-12),
    }
    assert perfect["warping"].standard_error == 0


def test_errors_are_counted_over_the_stack():
    truth = torch.ones(2, 9, 12).bool()
    truth[:, :, 5] = False
    merged = torch.where(truth, 1.0, 0.0)
    merged[0, 4, 5] = 1.0  # one pixel joins two cells of the first slice
    found = compute_leader_board(merged, truth)
    assert found["pixel"].value == pytest.approx(1 - 2 * 198 / (198 + 199))
    assert found["warping"].value == pytest.approx(1 / 108 / 2)
    left, right, all_ = 45 * 44, 54 * 53, 99 * 98
    both, predicted, true = 2 * (left + right), all_ + left + right, 2 * (left + right)
    assert found["rand"].value == pytest.approx(1 - 2 * both / (predicted + true))


def test_folds_are_evaluated_together(monkeypatch, tmp_path):
    calls = []

    def train(out, recipe, data, options, device, **arguments):
        calls.append((out.name, recipe, data, arguments["size"]))
        return data

    class Shown:
        def save(self, path):
            path.write_text("")

    truth = torch.ones(6, 4, 6).bool()
    truth[:, :, 2] = False
    monkeypatch.setattr(segment, "train_run", train)
    monkeypatch.setattr(segment, "draw_translations", lambda run: Shown())
    monkeypatch.setattr(segment, "predict_cells", lambda run: (truth.float(), truth))
    measured = segment.measure_cells(tmp_path, "cpu", segment.CELLS_SHORT, segment.NARROW)
    assert [each[2] for each in calls] == [f"isbi2012-fold-{n}" for n in range(1, 6)]
    assert len({each[0] for each in calls}) == 5 and {each[1] for each in calls} == {"segment"}
    assert set(measured) == {claim.name for claim in segment.make_cell_claims()}
    assert (tmp_path / f"segment-{tmp_path.name}.png").is_file()
