"""Estimators of scikit-learn: a VAE, an autoencoder and a GAN of tables, in memory.

They work in pipelines and searches, and leave no run folder; `immersion.train` leaves one.
"""

import tempfile
from typing import Any, Self, cast, get_args

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import Tensor

from immersion import engine
from immersion.check import UserError, check_choice
from immersion.data import Dataset, MemorySplit, log_volume, standardise, to_original_units
from immersion.data.transforms import to_scaled_units
from immersion.engine import Options
from immersion.likelihoods import Likelihood
from immersion.metrics.likelihood.scores import score_examples
from immersion.models import Decoder
from immersion.models.codes import decode_means, encode_means
from immersion.models.latent_density import MixturePrior, WithLatentDensity
from immersion.models.sampling import draw_samples
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.spec import Spec, Values

FLOATS = (np.float64, np.float32)
"""Types of arrays that are not converted."""


def _draw_seed(random_state: Any) -> int:
    """Return a seed from an integer, a generator of NumPy, or None for another one every time."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def _check_contamination(contamination: Any) -> None:
    if not isinstance(contamination, (int, float)) or not 0 < contamination <= 0.5:
        expected = "a number above 0 and at most 0.5"
        raise UserError("contamination is out of range", expected, repr(contamination))


def _make_dataset(X: np.ndarray, values: Values) -> Dataset:
    """Return rows as training data; nothing is held out, which searches do themselves."""
    check_choice("type of values", values, get_args(Values))
    x = torch.tensor(X, dtype=torch.float64)  # standardised in it
    train, empty = MemorySplit(x, None, values), MemorySplit(x[:0], None, values)
    dataset = standardise(Dataset(Spec("X", (x.shape[1],), values), train, empty, empty, {}))
    if not np.isfinite(dataset.spec.scale).all():
        raise UserError("X has values that are too large", "values whose variance is finite")
    return dataset


def _train(call: RecipeCall, dataset: Dataset, options: Options) -> Decoder:
    """Return the trained model; its run folder is temporary, and Ctrl-C ends the fit."""
    experiment = call.build(dataset.spec, options.seed)
    experiment.check(dataset.train.batch(torch.arange(len(dataset.train)))[0])
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(folder)
        outcome = engine.train(experiment, dataset, run, options)
        run.load_weights(experiment.model)
    engine.repeat_signal(outcome.signal)  # an interrupted estimator is not a fitted one
    return cast(Decoder, experiment.model)


class _Estimator(BaseEstimator):
    """Fit a recipe's model to a table; the settings are the parameters of the constructor."""

    _recipe: str
    _training = ("steps", "batch_size", "random_state", "values", "device")

    def _fit(self, X: Any, own: tuple[str, ...] = ()) -> Self:
        """Train on all rows; `own` parameters are neither the recipe's nor of training."""
        X = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2, ensure_min_features=2)
        parameters = self.get_params(deep=False)
        settings = {n: v for n, v in parameters.items() if n not in (*self._training, *own)}
        dataset = _make_dataset(X, parameters["values"])
        options = Options(
            steps=parameters["steps"],
            batch_size=parameters["batch_size"],
            seed=_draw_seed(parameters["random_state"]),
            device=parameters["device"],
            validate_every=0,
        )
        with torch.random.fork_rng(devices=[]):
            model = _train(RecipeCall(self._recipe).set(**settings), dataset, options)
        # In float64 a row's result does not depend, by rounding, on the other rows.
        self.model_ = model.eval().cpu().double()
        self.spec_ = dataset.spec
        self._n_features_out = model.latent_dim
        return self

    def _read(self, X: Any) -> tuple[Tensor, Any]:
        """Return rows as the model takes them, (n, D) float64, and the type of results."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        rows = to_scaled_units(torch.tensor(X, dtype=torch.float64), self.spec_)
        cast(Likelihood, self.model_.likelihood).check(rows)
        return rows, X.dtype

    def _write(self, rows: Tensor) -> np.ndarray:
        """Return rows of the model in the table's own units."""
        return to_original_units(rows.double(), self.spec_).numpy()

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Return new rows, (n_samples, D): z ~ p(z), x ~ p(x|z).

        Args:
            n_samples: Number of rows.
            random_state: Seed; by default another one in every call.
        """
        check_is_fitted(self)
        seed = _draw_seed(random_state)
        return self._write(draw_samples(self._make_generative(), n_samples, seed))

    def _make_generative(self) -> Any:
        return self.model_


class _Encoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Estimator):
    """A model with codes."""

    def transform(self, X: Any) -> np.ndarray:
        """Return codes, (n, latent_dim): the posterior means E[z|x] of rows, (n, D)."""
        rows, dtype = self._read(X)
        return encode_means(self.model_, rows).numpy().astype(dtype)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return rows, (n, D), E[x|z] in the units of the data, of codes, (n, latent_dim)."""
        check_is_fitted(self)
        codes = check_array(X, dtype=FLOATS)
        if codes.shape[1] != self._n_features_out:
            expected = f"X has {codes.shape[1]} features, but {type(self).__name__} has"
            raise ValueError(f"{expected} codes of {self._n_features_out}")
        decoded = decode_means(self.model_, torch.tensor(codes, dtype=torch.float64))
        return self._write(decoded).astype(codes.dtype)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the score of each row, (n,): the larger, the more probable.

        Of a VAE it is the importance-weighted bound on log p(x), in nats and in the units of the
        data (Burda et al. 2016, equation (8), https://arxiv.org/abs/1509.00519); of an autoencoder
        the negative squared error of the reconstruction, in standardised units.
        """
        rows, _ = self._read(X)
        scores = score_examples(self.model_, rows, getattr(self, "importance_samples", 1))
        return scores.numpy() - self._get_volume()

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of `score_samples`, which searches maximise."""
        return float(self.score_samples(X).mean())

    def decision_function(self, X: Any) -> np.ndarray:
        """Return `score_samples` less its `contamination` quantile in training.

        Anomalies are negative.
        """
        return self.score_samples(X) - self.offset_

    def _get_volume(self) -> float:
        return 0.0

    def _set_offset(self, X: Any) -> Self:
        self.offset_ = float(np.quantile(self.score_samples(X), self.contamination))
        return self


class VAE(_Encoder):
    """A variational autoencoder of a table (Kingma & Welling 2014).

    Args:
        latent_dim: Dimension of the latent space; by default 20, or half of the data's below 40.
        values: Type of the values: real (standardised for training), unit, counts or binary.
        likelihood: p(x|z), see `immersion.likelihoods`; auto selects by the type of values.
        prior: p(z): standard-normal or flow.
        posterior: q(z|x): diagonal-gaussian or flow.
        beta: Weight of the KL divergence in the objective.
        width: Units of each hidden layer; 0 selects by the data.
        depth: Hidden layers; -1 selects by the data.
        steps: Training steps.
        batch_size: Examples a step; by default 200, or all if there are fewer.
        learning_rate: Largest learning rate.
        importance_samples: k, codes for each row of the bound in `score_samples`.
        contamination: Fraction of the training rows that `decision_function` calls anomalies.
        random_state: Seed.
        device: auto, cpu, cuda, ...

    Attributes:
        model_: The trained `immersion.models.VAE`, in float64.
        spec_: The description of the data.
        offset_: The score below which a row is an anomaly.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> vae = VAE(latent_dim=2, steps=50, random_state=0).fit(X)
        >>> vae.transform(X).shape, vae.sample(3).shape
        ((150, 2), (3, 4))
    """

    _recipe = "vae"

    def __init__(
        self,
        latent_dim: int | None = None,
        *,
        values: str = "real",
        likelihood: str = "auto",
        prior: str = "standard-normal",
        posterior: str = "diagonal-gaussian",
        beta: float = 1.0,
        width: int = 0,
        depth: int = -1,
        steps: int = 2000,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        importance_samples: int = 10,
        contamination: float = 0.1,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.latent_dim = latent_dim
        self.values = values
        self.likelihood = likelihood
        self.prior = prior
        self.posterior = posterior
        self.beta = beta
        self.width = width
        self.depth = depth
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.importance_samples = importance_samples
        self.contamination = contamination
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows, (n, D); y is ignored."""
        _check_contamination(self.contamination)
        return self._fit(X, ("importance_samples", "contamination"))._set_offset(X)

    def _get_volume(self) -> float:
        return log_volume(self.spec_)


class Autoencoder(_Encoder):
    """A deep autoencoder of a table; it has no prior, so that `sample` needs a density of codes.

    Args:
        latent_dim, values, likelihood, width, depth, steps, batch_size, learning_rate,
            contamination, random_state, device: As in `VAE`.

    Attributes:
        model_: The trained `immersion.models.Autoencoder`, in float64.
        spec_: The description of the data.
        offset_: The score below which a row is an anomaly.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> ae = Autoencoder(latent_dim=2, steps=50, random_state=0).fit(X)
        >>> ae.inverse_transform(ae.transform(X)).shape
        (150, 4)
    """

    _recipe = "ae"

    def __init__(
        self,
        latent_dim: int | None = None,
        *,
        values: str = "real",
        likelihood: str = "auto",
        width: int = 0,
        depth: int = -1,
        steps: int = 2000,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        contamination: float = 0.1,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.latent_dim = latent_dim
        self.values = values
        self.likelihood = likelihood
        self.width = width
        self.depth = depth
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.contamination = contamination
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows, (n, D), and fit a mixture of Gaussians to their codes; y is ignored."""
        _check_contamination(self.contamination)
        self._fit(X, ("contamination",))._set_offset(X)
        rows, _ = self._read(X)
        self.density_ = MixturePrior.fit(encode_means(self.model_, rows)).double()
        return self

    def _make_generative(self) -> Any:
        return WithLatentDensity(self.model_, self.density_).eval()


class GAN(_Estimator):
    """A generative adversarial net of a table: it samples, and has neither codes nor a density.

    Args:
        latent_dim: Dimension of the noise.
        game: non-saturating, least-squares, hinge, relativistic, ...
        values, width, depth, steps, batch_size, learning_rate, random_state, device: As in `VAE`;
            values are real, unit or binary.

    Attributes:
        model_: The trained `immersion.models.GAN`, in float64.
        spec_: The description of the data.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> GAN(steps=20, random_state=0).fit(load_iris().data).sample(3).shape
        (3, 4)
    """

    _recipe = "gan"

    def __init__(
        self,
        latent_dim: int | None = None,
        *,
        values: str = "real",
        game: str = "relativistic",
        width: int = 0,
        depth: int = -1,
        steps: int = 5000,
        batch_size: int | None = None,
        learning_rate: float = 4e-4,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.latent_dim = latent_dim
        self.values = values
        self.game = game
        self.width = width
        self.depth = depth
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows, (n, D); y is ignored."""
        return self._fit(X)
