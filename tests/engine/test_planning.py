"""The length of a training: given steps are kept, others follow data, machine and time."""

from dataclasses import replace

import pytest
import torch
from toys import Data, assert_same_run, gan, images, numbers, vae

from immersion.check import UserError
from immersion.engine import Experiment, Options, plan, train
from immersion.engine.cost import LEARNING, Cost, estimate_finish
from immersion.engine.planning import (
    MAX_EPOCHS,
    MAX_PASSES,
    MAX_STEPS,
    MIN_STEPS,
    MINUTES,
    PATIENCE,
    SMALL_DATA,
)
from immersion.engine.speed import measure_step
from immersion.run_folder import RunFolder

OPTIONS = Options(precision="float32")


def split(train: int, validation: int) -> Data:
    """Return numbers of different lengths."""
    return Data(numbers(train).train, numbers(validation).train)


@pytest.fixture
def step_takes(monkeypatch):
    """Return a function that sets the speed of the machine, in seconds a step."""

    def take(seconds: float) -> None:
        monkeypatch.setattr("immersion.engine.planning.measure_step", lambda *_: seconds)

    return take


def test_given_steps_are_kept_and_do_not_stop_early():
    planned = plan(vae(), images(), replace(OPTIONS, steps=700))
    assert (planned.steps, planned.patience, planned.batch_size) == (700, 0, None)
    assert planned.validate_every == 7  # a hundredth of the training, more than the one epoch
    assert plan(vae(), images(), replace(OPTIONS, steps=3)).validate_every == 1


def test_numbers_that_are_given_are_kept(step_takes):
    step_takes(1e-9)
    given = replace(OPTIONS, patience=3, validate_every=5, batch_size=50)
    planned = plan(vae(), images(), given)
    assert (planned.patience, planned.validate_every, planned.batch_size) == (3, 5, 50)
    assert plan(vae(), images(), planned) == planned
    assert plan(vae(), images(), replace(OPTIONS, patience=0)).patience == 0


def test_small_data_make_many_epochs_of_eight_batches_or_more_and_stop_early(step_takes):
    step_takes(1e-9)
    planned = plan(vae(), split(1000, 100), OPTIONS)
    assert planned.batch_size == 125
    assert planned.steps == 8 * MAX_EPOCHS
    assert (planned.patience, planned.validate_every) == (PATIENCE, 8 * MAX_EPOCHS // MAX_PASSES)
    sizes = [plan(vae(), numbers(n), OPTIONS).batch_size for n in (1600, 50, 12)]
    assert sizes == [200, 16, 12]  # as usual, the smallest, all of them


def test_large_data_make_the_usual_steps_and_do_not_stop_early(step_takes):
    step_takes(1e-9)
    assert plan(vae(), numbers(SMALL_DATA - 1), OPTIONS).patience == PATIENCE
    planned = plan(vae(), numbers(SMALL_DATA), replace(OPTIONS, batch_size=100))
    assert (planned.steps, planned.patience) == (MAX_STEPS, 0)


def test_a_game_has_no_epochs_that_suffice_and_no_patience(step_takes):
    step_takes(1e-9)
    planned = plan(gan(), numbers(), OPTIONS)
    assert (planned.steps, planned.patience) == (MAX_STEPS, 0)


def test_without_validation_examples_there_are_no_passes(step_takes):
    step_takes(1e-9)
    data = Data(numbers().train, numbers(0).train)
    planned = plan(vae(), data, OPTIONS)
    assert (planned.validate_every, planned.patience) == (0, 0)


def test_an_unknown_length_fits_into_the_time_of_a_slow_machine(step_takes):
    data, spent, step = split(1000, 100), 20.0, 0.7
    step_takes(step)
    planned = plan(gan(), data, OPTIONS, spent, evaluated=500)
    size = planned.batch_size
    finish = estimate_finish(data.train, 500, step, size)
    assert finish > 500 * step / (LEARNING * size)
    looks = planned.steps / planned.validate_every * 100 * step / (LEARNING * size)
    total = spent + planned.steps * step + looks + finish
    assert 0.9 * 60 * MINUTES < total <= 60 * MINUTES
    step_takes(10_000.0)
    assert plan(vae(), data, OPTIONS).steps == MIN_STEPS


def test_a_slow_machine_takes_smaller_batches_and_looks_ten_times(monkeypatch):
    """A step of 200 examples takes 2 s, one of 25 takes 0.25 s."""

    def measure(experiment, train, options):
        return 0.01 * options.batch_size

    monkeypatch.setattr("immersion.engine.planning.measure_step", measure)
    planned = plan(vae(), split(15_000, 500), OPTIONS)
    assert planned.batch_size == 25
    assert 900 < planned.steps < 60 * MINUTES / 0.25
    assert planned.validate_every == -(-planned.steps // 10)  # an epoch has 600 steps
    assert plan(vae(), numbers(15_000), replace(OPTIONS, batch_size=100)).batch_size == 100
    assert plan(gan(), numbers(15_000), OPTIONS).batch_size == 200  # a game keeps its own


def test_minutes_are_filled_whatever_the_data(step_takes):
    step_takes(1e-4)
    steps = [plan(vae(), numbers(), replace(OPTIONS, minutes=m)).steps for m in (60, 120)]
    assert steps[0] == pytest.approx(3600 / 1e-4 / 1.1, rel=0.01)
    assert steps[1] == pytest.approx(2 * steps[0], rel=0.01)
    rest = plan(vae(), numbers(), replace(OPTIONS, minutes=60), spent=1800.0, made=1000).steps
    assert rest == pytest.approx(1000 + steps[0] / 2, rel=0.01)


def test_a_length_that_is_given_twice_is_refused():
    with pytest.raises(UserError, match=r"given twice.*--steps 10 --minutes 5"):
        Options(steps=10, minutes=5)
    with pytest.raises(UserError, match="--minutes above 0"):
        Options(minutes=0)


def test_a_resumed_run_keeps_its_numbers_unless_others_are_given():
    recorded = {"steps": 700, "patience": 10, "validate_every": 7}
    assert OPTIONS.adopt(recorded, 5.0).steps == OPTIONS.adopt(recorded).steps == 700
    same = replace(OPTIONS, minutes=5.0).adopt(recorded, 5.0)
    assert (same.steps, same.minutes, same.patience, same.validate_every) == (700, None, 10, 7)
    longer = replace(OPTIONS, steps=900, patience=0).adopt(recorded)
    assert (longer.steps, longer.patience) == (900, 0)
    other = replace(OPTIONS, minutes=9.0).adopt(recorded, 5.0)
    assert (other.steps, other.minutes) == (None, 9.0)
    # As recorded before these options were left open.
    early = {"steps": 20_000, "batch_size": None, "validate_every": 0, "patience": 0}
    adopted = OPTIONS.adopt(early)
    assert (adopted.steps, adopted.validate_every, adopted.patience) == (20_000, 0, 0)


def test_too_many_snapshots_are_refused():
    with pytest.raises(UserError, match=r"at most 100, received 200 of 1,000 steps.*10 or more"):
        plan(vae(), images(), replace(OPTIONS, steps=1000, keep_weights=5))


def test_a_measurement_changes_nothing_and_a_plan_is_what_its_steps_are(tmp_path):
    experiment = vae()
    before = {name: tensor.clone() for name, tensor in experiment.model.state_dict().items()}
    random_state = torch.get_rng_state()
    assert measure_step(experiment, images().train, OPTIONS) > 0
    assert torch.equal(torch.get_rng_state(), random_state)
    after = experiment.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())

    options = plan(experiment, images(), replace(OPTIONS, minutes=0.01, checkpoint_seconds=1e9))
    folders = RunFolder(tmp_path / "planned"), RunFolder(tmp_path / "given")
    train(experiment, images(), folders[0], options)
    assert (options.steps, options.batch_size, options.validate_every) == (MIN_STEPS, 16, 3)
    given = Options(MIN_STEPS, 16, validate_every=3, patience=10, precision="float32")
    train(vae(), images(), folders[1], given)
    assert_same_run(*folders)


def test_an_experiment_that_cannot_be_measured_is_planned_by_its_data():
    def explode(model, batch):
        return {"loss": model(batch.x)[:, 0] / 0}

    model = torch.nn.Linear(1, 1)
    player = vae().players[0]
    player = replace(player, parameters=list(model.parameters()), objective=explode)
    assert plan(Experiment(model, (player,)), numbers(), OPTIONS).steps == 2.5 * MAX_EPOCHS


def test_the_cost_is_told_once_the_first_steps_are_timed(tmp_path, monkeypatch):
    monkeypatch.setattr("immersion.engine.speed.SECONDS", 0.0)
    from immersion.engine import Callbacks

    told: list[Cost] = []
    options = Options(steps=20, batch_size=10, precision="float32")
    train(vae(), images(), RunFolder(tmp_path), options, callbacks=Callbacks(cost=told.append))
    (cost,) = told
    assert (cost.steps, cost.epochs, cost.early) == (15, 4.0, False)
    assert cost.step > 0 and cost.memory > 50e6
    assert cost.seconds == 15 * cost.step + cost.finish
