"""Device and precision: networks may run in bfloat16, probabilities are in float32 or wider."""

import os

import torch
from torch import Tensor

from immersion.check import UserError


def widen(x: Tensor) -> Tensor:
    """Return x in float32, or unchanged if it is float64.

    Example:
        >>> widen(torch.zeros(2, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return x if x.dtype == torch.float64 else x.float()


def has_native_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def parse_device(name: str) -> torch.device:
    """Return the device of a name, present or not; auto is CUDA if there is a CUDA device.

    Raises:
        UserError: PyTorch knows no such device.

    Example:
        >>> parse_device("cuda:1")
        device(type='cuda', index=1)
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise UserError(
            "PyTorch knows no such device", "auto, cpu, cuda, cuda:1, mps, ...", f"--device {name}"
        ) from error


def resolve_device(name: str) -> torch.device:
    """Return the device of a name, which must be present.

    Args:
        name: auto (CUDA if there is a device, else the CPU), or any device of PyTorch: cpu, cuda,
            cuda:1, mps, ...

    Raises:
        UserError: There is no such device, or several processes were started.
    """
    check_one_process()
    device = parse_device(name)
    try:
        torch.empty(1, device=device).add_(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        if name in _list_devices():  # it is there, but busy or full: PyTorch says which
            raise
        raise UserError(
            f"there is no {_name_kind(device)} device"
            + ("" if device.index is None else f" number {device.index}"),
            ", ".join(_list_devices()),
            f"--device {name}",
            "leave --device out" + _advise_build(device),
        ) from error
    return device


def check_one_process() -> None:
    """Raise UserError if torchrun started several processes, which would write the same files."""
    count = os.environ.get("WORLD_SIZE", "1")
    if count.isdigit() and int(count) > 1:
        raise UserError(
            "several processes do not work together yet",
            "one process",
            f"{count} of torchrun",
            "give the command without torchrun; --device cuda:1 selects a GPU",
        )


def _name_kind(device: torch.device) -> str:
    return {"cuda": "CUDA", "mps": "MPS (Apple)"}.get(device.type, device.type)


def _list_devices() -> list[str]:
    """Return the names of the devices that are present."""
    cuda = ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return [
        "cpu",
        *(cuda if torch.cuda.is_available() else []),
        *(["mps"] if torch.backends.mps.is_available() else []),
    ]


def _advise_build(device: torch.device) -> str:
    missing = device.type == "cuda" and not torch.cuda.is_available()
    return ", or install a CUDA build of torch" if missing else ""


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the precision of networks: auto is bfloat16 only if the device has it natively."""
    if name == "auto":
        return torch.bfloat16 if has_native_bfloat16(device) else torch.float32
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]
