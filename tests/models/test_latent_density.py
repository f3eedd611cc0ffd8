"""A density fitted to an autoencoder's codes."""

from dataclasses import asdict

import pytest
import torch
from torch import nn

from immersion.check import UserError
from immersion.data import load as load_data
from immersion.engine import Experiment
from immersion.likelihoods import LIKELIHOODS
from immersion.models import VAE, Autoencoder
from immersion.models.latent_density import MixturePrior, WithLatentDensity
from immersion.models.sampling import draw_samples
from immersion.nn import Architecture
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, RunRecord
from immersion.runs.generative import make_generative
from immersion.runs.load import Run


def a_run(model: nn.Module, folder) -> Run:
    data = load_data("digits")
    record = RunRecord("toy", data=DataRecord(spec=asdict(data.spec)))
    return Run(RunFolder(folder), record, Experiment(model.eval(), ()), data)


def digits_model(kind):
    torch.manual_seed(0)
    p = LIKELIHOODS["gaussian-fixed"]((1, 8, 8))
    return kind.build((1, 8, 8), 3, p, Architecture("dense", 16, 1))


def test_one_gaussian_is_the_codes_mean_and_covariance():
    z = torch.randn(30, 4, dtype=torch.float64) @ torch.randn(4, 4, dtype=torch.float64) + 7
    prior = MixturePrior.fit(z)
    assert prior.weights.tolist() == [1.0]
    torch.testing.assert_close(prior.means[0], z.mean(0))
    covariance = prior.factors[0] @ prior.factors[0].T
    torch.testing.assert_close(covariance, z.T.cov(correction=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("codes", "components"), [(2, 1), (19, 1), (20, 2), (99, 9), (500, 10)])
def test_fewer_codes_get_fewer_gaussians(codes, components):
    assert len(MixturePrior.fit(torch.randn(codes, 2)).weights) == components


def test_draws_lie_where_the_codes_lie():
    torch.manual_seed(0)
    ends = torch.tensor([[-100.0, 0.0], [100.0, 0.001]])
    codes = ends.repeat(500, 1) + torch.tensor([1.0, 1e-4]) * torch.randn(1000, 2)
    z = MixturePrior.fit(codes)().sample((2000,))
    nearest = torch.cdist(z, ends).argmin(1)
    spread = (z - ends[nearest]).std(0)
    assert abs(nearest.float().mean() - 0.5) < 0.06
    torch.testing.assert_close(spread, torch.tensor([1.0, 1e-4]), rtol=0.15, atol=0)


def test_a_dead_code_stays_where_it_is():
    codes = torch.cat([torch.randn(200, 1), torch.full((200, 1), 3.0)], dim=1)
    z = MixturePrior.fit(codes)().sample((100,))
    assert z.isfinite().all()
    torch.testing.assert_close(z[:, 1], torch.full((100,), 3.0))


def test_a_run_of_an_autoencoder_samples_and_a_vae_is_itself(tmp_path):
    vae, autoencoder = digits_model(VAE), digits_model(Autoencoder)
    assert make_generative(a_run(vae, tmp_path)) is vae
    run = a_run(autoencoder, tmp_path)
    model, again = make_generative(run), make_generative(run)
    assert isinstance(model, WithLatentDensity)
    x = draw_samples(model, 60, seed=0)
    assert x.shape == (60, 1, 8, 8)
    assert torch.equal(x, draw_samples(again, 60, seed=0))
    codes = model.encode(run.data.train.batch(torch.arange(1437))[0]).mean.detach()
    z = model.prior().sample((20_000,))
    assert ((z.mean(0) - codes.mean(0)).abs() < 0.1 * codes.std(0)).all()
    torch.testing.assert_close(z.std(0), codes.std(0), rtol=0.1, atol=0)
    torch.testing.assert_close(model.decode(z[:5]).mean, autoencoder.decode(z[:5]).mean)


def test_what_does_not_decode_is_refused(tmp_path):
    with pytest.raises(UserError, match="run of toy"):
        make_generative(a_run(nn.Linear(2, 2), tmp_path))
