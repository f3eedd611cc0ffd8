"""The experiment of a model that was built by hand, with the usual objective of its kind."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from immersion.check import UserError
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.engine.experiment import Objective
from immersion.models import GAN, Autoencoder, Decoder, LatentVariableModel
from immersion.objectives import ELBO, Reconstruction
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties
from immersion.recipes.base import build_players


def make_experiment(
    model: nn.Module,
    objective: Objective | None = None,
    optimizer: OptimizerSettings | None = None,
    players: Sequence[Player] = (),
) -> Experiment:
    """Return the experiment that trains a model.

    Args:
        model: Any module; of `immersion.models` ones the objective is known.
        objective: (model, batch) -> named terms, each (B,); by default the ELBO of a latent
            variable model and the reconstruction error of an autoencoder.
        optimizer: Optimizer settings; by default those of `OptimizerSettings()`.
        players: The players of a game, instead of an objective and an optimizer; by default a
            GAN's two players, with the non-saturating game.

    Raises:
        UserError: The objective is missing or given twice, or there are no parameters to train.

    Example:
        >>> from immersion.likelihoods import LIKELIHOODS
        >>> from immersion.models import VAE
        >>> p = LIKELIHOODS["gaussian"]((3,))
        >>> model = VAE(nn.Linear(3, 2), nn.Linear(1, 6), p, latent_dim=1)
        >>> [player.name for player in make_experiment(model).players]
        ['model']
    """
    _check_types(model, objective, optimizer, players)
    check = getattr(getattr(model, "likelihood", None), "check", lambda x: None)
    if players:
        _check_alone(objective=objective, optimizer=optimizer)
        return Experiment(model, tuple(players), check=check)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise UserError(f"a {type(model).__name__} without parameters cannot be trained")
    optimizer = optimizer or OptimizerSettings()
    if isinstance(model, GAN) and objective is None:
        game = build_players(model, GAMES["non-saturating"](), Penalties(), optimizer, 1, 1.0)
        return Experiment(model, game, batch_size=64)
    player = Player("model", parameters, objective or _usual_objective(model), optimizer)
    return Experiment(model, (player,), check=check)


def _check_types(model: Any, objective: Any, optimizer: Any, players: Any) -> None:
    """Raise UserError if something is of another type than `make_experiment` takes."""
    if not isinstance(model, nn.Module):
        raise UserError("the model is not a module", "an nn.Module", _name(model))
    if isinstance(objective, type) or not (objective is None or callable(objective)):
        expected = "a function (model, batch), or an object such as ELBO()"
        raise UserError("the objective cannot be called", expected, _name(objective))
    if not isinstance(optimizer, OptimizerSettings | None):
        expected = "OptimizerSettings(...)"
        raise UserError("the optimizer is not given by its settings", expected, _name(optimizer))
    strange = [player for player in players if not isinstance(player, Player)]
    if strange:
        raise UserError("players= holds something else", "Player(...)", _name(strange[0]))


def _name(value: Any) -> str:
    return (
        f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
    )


def _check_alone(**given: object) -> None:
    """Raise UserError if something is given that the players have themselves."""
    given_too = [name for name, value in given.items() if value is not None]
    if given_too:
        raise UserError(
            f"each player has its own {' and '.join(given_too)}",
            "players= alone",
            f"players= and {', '.join(f'{name}=' for name in given_too)}",
            f"give the {' and the '.join(given_too)} to the players",
        )


def _usual_objective(model: nn.Module) -> Objective:
    if isinstance(model, LatentVariableModel):
        return ELBO()
    if isinstance(model, (Autoencoder, Decoder)) and model.prior is None:
        return Reconstruction()
    raise UserError(
        f"no objective is known for a {type(model).__name__}",
        "a function (model, batch) -> dict of terms, one of them 'loss', each of shape (B,)",
        remedy="pass objective=",
    )


def as_experiment(built: Any, name: str) -> Experiment:
    """Return what a recipe built as an experiment; a model gets its usual objective.

    Raises:
        UserError: It is neither an experiment nor a model.
    """
    if isinstance(built, Experiment):
        return built
    if isinstance(built, nn.Module):
        return make_experiment(built)
    raise UserError(
        f"the recipe '{name}' did not build an experiment",
        "an immersion Experiment, or a model",
        type(built).__name__,
    )
