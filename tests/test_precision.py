"""Devices: any name that PyTorch knows, and a sentence where there is no such device."""

import pytest
import torch

from immersion.check import UserError
from immersion.engine import Options
from immersion.precision import has_native_bfloat16, parse_device, resolve_device


def test_a_device_has_any_name_of_pytorch():
    assert [str(parse_device(name)) for name in ("cpu", "cuda:1", "mps")] == [
        *("cpu", "cuda:1", "mps"),
    ]
    assert resolve_device("cpu").type == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected
    assert not has_native_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("name", ["gpu", "cuda:x", ""])
def test_an_unknown_name_is_refused_with_the_options(name):
    with pytest.raises(UserError, match=r"knows no such device.*mps"):
        Options(device=name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cuda", "there is no CUDA device: expected cpu.*install a CUDA build"),
        ("cuda:1", "there is no CUDA device number 1"),
        ("xpu", "there is no xpu device.*leave --device out"),
    ],
)
def test_an_absent_device_is_refused_in_a_sentence(name, sentence):
    with pytest.raises(UserError, match=sentence):
        resolve_device(name)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an MPS device")
def test_an_absent_apple_device_is_refused_in_a_sentence():
    with pytest.raises(UserError, match=r"there is no MPS \(Apple\) device"):
        resolve_device("mps")


def test_several_processes_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert resolve_device("cpu").type == "cpu"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"do not work together yet.*2 of torchrun"):
        resolve_device("cpu")
