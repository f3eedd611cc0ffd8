"""Estimators: scikit-learn's own checks, and what users do with them."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from immersion.metrics.likelihood.scores import score_examples
from immersion.models import ProbabilisticPCA
from immersion.sklearn import GAN, VAE, Autoencoder

X, Y = load_iris(return_X_y=True)
FAST = {"steps": 3, "random_state": 0}
ESTIMATORS = (VAE(**FAST), Autoencoder(**FAST), GAN(**FAST))


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    return VAE(latent_dim=2, steps=300, random_state=0).fit(X)


def test_a_search_over_a_pipeline():
    pipeline = make_pipeline(
        StandardScaler(), VAE(steps=50, width=16, random_state=0), LogisticRegression()
    )
    search = GridSearchCV(pipeline, {"vae__latent_dim": [1, 2]}, cv=3).fit(X, Y)
    assert search.best_score_ > 0.7
    alone = GridSearchCV(VAE(width=16, **FAST), {"latent_dim": [1, 3]}, cv=3).fit(X)
    assert np.isfinite(alone.best_score_) and alone.best_estimator_.steps == 3


def test_output_is_a_frame_where_one_is_wanted(fitted):
    frame = pd.DataFrame(X, index=[f"f{i}" for i in range(len(X))])
    codes = clone(fitted).set_params(steps=3).set_output(transform="pandas").fit_transform(frame)
    assert list(codes.columns) == ["vae0", "vae1"] and codes.index.equals(frame.index)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_a_fitted_estimator_is_pickled(estimator):
    ours = clone(estimator).fit(X)
    theirs = pickle.loads(pickle.dumps(ours))  # noqa: S301 (our own)
    assert np.array_equal(ours.sample(5, 1), theirs.sample(5, 1))


def test_samples_are_in_the_units_of_the_data(fitted):
    drawn = fitted.sample(2000, random_state=0)
    assert np.allclose(drawn.mean(0), X.mean(0), atol=0.25)
    assert np.allclose(drawn.std(0), X.std(0), rtol=0.35)
    assert not np.array_equal(fitted.sample(3), fitted.sample(3))


def test_scores_are_a_bound_on_the_density_in_the_units_of_the_data(fitted):
    # A linear VAE with one variance is probabilistic PCA, of the standardised columns.
    settings = {"depth": 0, "steps": 800, "learning_rate": 0.01, "importance_samples": 50}
    linear = VAE(latent_dim=2, random_state=0, **settings).fit(X)
    rows, _ = linear._read(X)
    exact = ProbabilisticPCA.fit(rows, 2).log_prob(rows).mean() - linear._get_volume()
    assert exact - 0.1 < linear.score(X) < exact + 1e-3
    metres = clone(fitted).fit(X / 100)  # each of four values is 100 times denser
    assert np.isclose(metres.score(X / 100), fitted.score(X) + 4 * np.log(100), atol=1e-3)
    again = score_examples(fitted.model_, fitted._read(X)[0], 10).mean() - fitted._get_volume()
    assert np.isclose(fitted.score(X), again)


def test_anomalies_are_negative(fitted):
    assert np.isclose((fitted.decision_function(X) < 0).mean(), 0.1, atol=0.02)
    assert (fitted.decision_function(X + 10) < 0).all()


def test_values_of_a_type_are_checked():
    counts = np.random.default_rng(0).poisson(3.0, (50, 4)).astype(float)
    vae = VAE(values="counts", **FAST).fit(counts)
    assert np.array_equal(vae.sample(9, 0), np.rint(vae.sample(9, 0)))
    with pytest.raises(ValueError, match="support"):
        vae.transform(counts - 1)
    with pytest.raises(ValueError, match="type of values"):
        VAE(values="numbers", **FAST).fit(X)


def test_fitting_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    VAE(**FAST).fit(X)
    assert torch.equal(torch.rand(1), expected)


def test_what_cannot_be_fitted_is_refused_before_the_training():
    X = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match="contamination is out of range"):
        VAE(contamination=2, steps=5).fit(X)
    with pytest.raises(ValueError, match="too large"):
        VAE(steps=5).fit(X * 1e300)
