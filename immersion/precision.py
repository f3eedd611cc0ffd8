"""Device and precision: networks may run in bfloat16, probabilities are in float32 or wider."""

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
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def resolve_device(name: str) -> torch.device:
    """Return the device of a name: auto is CUDA if there is a CUDA device, else the CPU.

    Raises:
        UserError: CUDA is requested and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        remedy = "leave --device out, or install a CUDA build of torch"
        raise UserError("there is no CUDA device", received="--device cuda", remedy=remedy)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the precision of networks: auto is bfloat16 only if the device has it natively."""
    if name == "auto":
        return torch.bfloat16 if has_native_bfloat16(device) else torch.float32
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]
