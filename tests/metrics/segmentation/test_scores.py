"""Confusion matrices and their scores against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    jaccard_score,
)

from immersion.check import UserError
from immersion.metrics.segmentation.scores import (
    compute_confusion,
    compute_iou,
    compute_mean_class_accuracy,
    compute_mean_iou,
    compute_pixel_accuracy,
    estimate_pooled,
)

CLASSES, VOID = 5, 255


def masks(seed=0, batch=6, size=20):
    random = np.random.default_rng(seed)
    truth = random.integers(0, CLASSES, (batch, size, size))
    wrong = random.random(truth.shape) < 0.3
    predicted = np.where(wrong, random.integers(0, CLASSES, truth.shape), truth)
    truth = np.where(random.random(truth.shape) < 0.1, VOID, truth)
    return torch.from_numpy(predicted), torch.from_numpy(truth)


def test_each_picture_has_its_own_matrix():
    predicted, truth = masks()
    found = compute_confusion(predicted, truth, CLASSES, VOID)
    for matrix, p, t in zip(found, predicted, truth, strict=True):
        judged = t != VOID
        expected = confusion_matrix(t[judged], p[judged], labels=range(CLASSES))
        np.testing.assert_array_equal(matrix, expected)
    assert found.sum() == (truth != VOID).sum()


def test_scores_agree_with_scikit_learn():
    predicted, truth = masks(1)
    judged = truth != VOID
    p, t = predicted[judged].numpy(), truth[judged].numpy()
    total = compute_confusion(predicted, truth, CLASSES, VOID).sum(0)
    assert compute_pixel_accuracy(total).item() == pytest.approx(accuracy_score(t, p), abs=1e-12)
    expected = balanced_accuracy_score(t, p)
    assert compute_mean_class_accuracy(total).item() == pytest.approx(expected, abs=1e-12)
    expected = jaccard_score(t, p, average=None)
    np.testing.assert_allclose(compute_iou(total), expected, rtol=0, atol=1e-12)
    assert compute_mean_iou(total).item() == pytest.approx(expected.mean(), abs=1e-12)


def test_absent_classes_are_left_out_and_false_alarms_count_as_nought():
    matrix = torch.tensor([[6, 1, 0, 1], [0, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert compute_iou(matrix)[:2].tolist() == [6 / 8, 4 / 5]
    assert compute_iou(matrix)[2].isnan()
    assert compute_iou(matrix)[3] == 0
    assert compute_mean_iou(matrix).item() == pytest.approx((6 / 8 + 4 / 5 + 0) / 3)
    assert compute_mean_class_accuracy(matrix).item() == pytest.approx((6 / 8 + 1) / 2)
    assert compute_pixel_accuracy(matrix).item() == pytest.approx(10 / 12)


def test_the_published_score_is_of_the_sum_with_an_error_over_pictures():
    predicted, truth = masks(2)
    matrices = compute_confusion(predicted, truth, CLASSES, VOID)
    estimate = estimate_pooled(matrices, compute_mean_iou, "share")
    assert estimate.value == pytest.approx(compute_mean_iou(matrices.sum(0)).item(), abs=1e-12)
    without = [
        compute_mean_iou(matrices[[j for j in range(6) if j != i]].sum(0)).item() for i in range(6)
    ]
    expected = np.sqrt(5 / 6 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert estimate.standard_error == pytest.approx(expected, abs=1e-12)


def test_a_picture_that_is_all_void_counts_nothing():
    truth = torch.full((1, 2, 2), VOID)
    assert compute_confusion(torch.zeros(1, 2, 2).long(), truth, CLASSES, VOID).sum() == 0
    with pytest.raises(UserError, match="nothing to score"):
        estimate_pooled(
            compute_confusion(torch.zeros(1, 2, 2).long(), truth, CLASSES, VOID),
            compute_mean_iou,
            "share",
        )


def test_void_may_be_a_class_number_and_bytes_are_integers():
    truth = torch.tensor([[[0, 1, 2, 2]]], dtype=torch.uint8)
    predicted = torch.tensor([[[0, 0, 0, 1]]], dtype=torch.uint8)
    assert compute_confusion(predicted, truth, 2, void=2).tolist() == [[[1, 0], [1, 0]]]


def test_labels_that_are_no_class_are_refused():
    predicted, truth = masks()
    with pytest.raises(UserError, match="truth has a label that is no class"):
        compute_confusion(predicted, truth, CLASSES)
    with pytest.raises(UserError, match="prediction has a label that is no class"):
        compute_confusion(predicted - 1, truth, CLASSES, VOID)
    with pytest.raises(UserError, match="take the argmax"):
        compute_confusion(predicted.float(), truth, CLASSES, VOID)
    with pytest.raises(UserError, match="cannot be compared"):
        compute_confusion(predicted[:1], truth, CLASSES, VOID)
