"""`immersion data`: the known data sets, their places and their checksums."""

from typing import Any

from immersion.check import check_choice
from immersion.data import DATASETS
from immersion.data.catalogue import describe_all


def data(name: str | None = None) -> dict[str, Any]:
    """List the known data sets, or describe one.

    Args:
        name: A data set's name; by default all are listed.
    """
    known = {str(entry["name"]): entry for entry in describe_all()}
    if name is None:
        return {"datasets": list(known.values())}
    found = known[check_choice("data set", name, known)]
    if name not in DATASETS:
        return found
    return found | {
        "files": [
            {"name": file.name, "checksums": file.checksums, "urls": file.urls}
            for file in DATASETS[name].files
        ]
    }
