"""The typed record: what is read is written back, also by other versions."""

from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, Outcome, RunRecord, flatten

WRITTEN = {
    "format": 1,
    "recipe": "vae",
    "command": "immersion train vae --data digits",
    "arguments": {"latent_dim": 2, "optimizer": {"optimizer": "sgd"}},
    "data": {
        "source": "digits",
        "size": None,
        "spec": {"name": "digits", "shape": [1, 8, 8]},
        "examples": [1437, 180, 180],
        "checksums": {"x": "sha256:0"},
        "note": "",
    },
    "options": {"steps": 5, "ema": None},
    "device": "cpu",
    "model": {"generative": True, "likelihood": None, "ema": 0.5, "penalties": {"r1": 2.0}},
    "outcome": {"step": 5, "reason": "finished", "seconds": 0.0},
}


def test_a_record_is_written_as_it_was_read():
    record = RunRecord.from_json(WRITTEN)
    assert record.to_json() == WRITTEN
    assert list(record.to_json()) == list(WRITTEN)
    assert record.outcome == Outcome(5) and record.step == 5
    assert record.data.examples == (1437, 180, 180)


def test_unknown_keys_are_kept():
    newer = WRITTEN | {"place": {"x": 1}}
    newer["data"] = WRITTEN["data"] | {"licence": "CC0"}
    newer["outcome"] = WRITTEN["outcome"] | {"watts": 3}
    record = RunRecord.from_json(newer)
    assert record.to_json() == newer
    assert record.more == {"place": {"x": 1}} and record.data.more == {"licence": "CC0"}


def test_earlier_names_are_renamed():
    earlier = {
        "arguments": {"latent": 2, "optimiser": {"optimiser": "sgd"}},
        "model": {"latent": 2},
    }
    record = RunRecord.from_json(earlier)
    assert record.arguments == WRITTEN["arguments"]
    assert record.model == {"latent_dim": 2}


def test_earlier_names_of_a_denoiser_are_renamed():
    task, network = {"learn": "noisy", "told": False}, {"network": "aware", "width": 4}
    values = {"recipe": "denoise", "arguments": {"task": task, "translation": network}}
    assert RunRecord.from_json(values).arguments == {
        "task": {"targets": "noisy", "level_map": False},
        "translation": {"network": "noise-aware", "width": 4},
    }
    assert ImageToImageArchitecture("aware") == ImageToImageArchitecture("noise-aware")


def test_empty_keys_are_left_out_but_for_the_required_ones():
    required = {"format": 1, "recipe": "", "arguments": {}, "data": DataRecord().to_json()}
    assert RunRecord().to_json() == required | {"options": {}}
    assert RunRecord(generator_step=0).to_json()["generator_step"] == 0
    assert RunRecord().step is None and RunRecord().generative


def test_settings_are_flat_and_resolved():
    settings = RunRecord.from_json(WRITTEN).settings
    assert settings == {"latent_dim": 2, "optimizer": "sgd", "steps": 5, "ema": 0.5, "r1": 2.0}


def test_flatten_with_and_without_outer_names():
    nested = {"a": {"b": 1, "c": {"d": 2}}, "e": {}}
    assert flatten(nested) == {"b": 1, "d": 2}
    assert flatten(nested, dotted=True) == {"a.b": 1, "a.c.d": 2}


def test_the_encoder_is_a_run_within_the_run(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.encoder.path == tmp_path / "encoder"
    assert folder.checkpoint_step() == 0
