"""`immersion doctor`: what this machine can do."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from immersion.data import describe
from immersion.machine import machine, versions
from immersion.precision import native_bfloat16


def doctor() -> dict[str, Any]:
    """Tell what this machine can do: processor, precision, memory, disk, versions, data."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    places = {str(entry["name"]): entry["place"] for entry in describe()}
    return {
        "machine": machine(),
        "device": device.type,
        "precision": "bfloat16" if native_bfloat16(device) else "float32",
        "threads": torch.get_num_threads(),
        "memory_gib": round(_memory() / 2**30, 1),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        "versions": versions(),
        "data": places,
        "advice": _advice(),
    }


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _advice() -> list[str]:
    advice = []
    if os.environ.get("OMP_WAIT_POLICY", "").upper() != "PASSIVE":
        advice.append(
            "unset OMP_WAIT_POLICY: on a busy machine waiting threads that spin make steps "
            "several times slower"
        )
    if "IMMERSION_DATA" not in os.environ:
        advice.append("set IMMERSION_DATA to a folder of data sets to do without downloads")
    return advice
