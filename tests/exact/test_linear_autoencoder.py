"""A linear autoencoder trained by gradient descent is PCA (Baldi & Hornik 1989)."""

import numpy as np
import pytest
import torch
from linear_gaussian import sample
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from immersion.data import Dataset
from immersion.data.dataset import MemorySplit
from immersion.engine import OptimizerSettings, Options, train
from immersion.metrics import evaluate
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.spec import Spec

EIGENVALUES = (6.0, 4.5, 3.5, 0.8, 0.6, 0.5, 0.2)
LATENT = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Data with a mean away from 0, and the model that the recipe and the engine made of them."""
    x, vectors = sample(EIGENVALUES, mean=1.5)
    split, spec = MemorySplit(x.float(), None, "real"), Spec("linear", (7,), "real")
    arguments = {
        "latent_dim": LATENT,
        "optimizer": OptimizerSettings(optimizer="sgd", learning_rate=0.005),
    }
    experiment = RecipeCall("linear-ae", arguments).build(spec)
    options = Options(
        steps=1600, batch_size=512, device="cpu", precision="float32", validate_every=0
    )
    folder = RunFolder(tmp_path_factory.mktemp("linear-ae"))
    train(experiment, Dataset(spec, split, split, split, {}), folder, options)
    return split, vectors, experiment.model.eval(), folder


def test_the_loss_is_the_sum_of_the_left_out_eigenvalues(trained):
    split, _, model, folder = trained
    left_out = sum(EIGENVALUES[LATENT:])
    error = evaluate(model, split, discrete=False).estimates["squared_error"].value
    assert -1e-5 < error - left_out < 1e-4
    first, last = (folder.metrics()[at]["loss"] for at in (0, -1))
    assert abs(last - left_out) < 1e-4 * left_out < first - left_out


def test_the_decoder_spans_the_leading_eigenvectors(trained):
    split, vectors, model, _ = trained
    W = model.decoder[1].weight.detach().double().numpy()
    assert subspace_angles(W, vectors[:, :LATENT].numpy()).max() < 1e-3
    assert subspace_angles(W, PCA(LATENT).fit(split.x.numpy()).components_.T).max() < 1e-3


def test_reconstructions_are_those_of_pca(trained):
    split, _, model, _ = trained
    pca = PCA(LATENT).fit(split.x.numpy())
    expected = pca.inverse_transform(pca.transform(split.x.numpy()))
    with torch.no_grad():
        measured = model.decode(model.encode(split.x).mean).mean.numpy()
    np.testing.assert_allclose(measured, expected, atol=1e-3)
