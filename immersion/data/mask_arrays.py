"""Pictures with pixel classes from arrays in memory."""

import io

import numpy as np
from PIL import Image

from immersion.check import UserError
from immersion.data.array_conversion import Source, check_finite, convert_values, reorder_axes
from immersion.data.dataset import Dataset
from immersion.data.mask_files import WHITE, Example
from immersion.data.segmentation import from_examples
from immersion.data.splits import split_randomly, split_sizes


def from_masks(source: Source, x: np.ndarray, masks: np.ndarray, side: int | None) -> Dataset:
    """Return pictures and masks in memory as a data set of patches, split into 80, 10 and 10 %.

    They are read as the files of a folder are: see `load_segmentation`.

    Args:
        source: Name of the pictures in errors.
        x: Levels of pictures, (N, H, W), (N, H, W, C) or (N, C, H, W).
        masks: (N, H, W) integers: classes from 0, and 255 for no class; or 0 and 255, where 255
            is class 1.
        side: Side of the patches; by default 128, or that of the pictures.

    Raises:
        UserError: The shapes do not match, or masks hold no class numbers.

    Example:
        >>> x = np.random.default_rng(0).random((10, 40, 40))
        >>> from_masks("the array", x, x > 0.5, 32).spec.classes
        ('0', '1')
    """
    levels, _ = convert_values(source, check_finite(source, reorder_axes(source, x)), "unit")
    if levels.is_floating_point():
        levels = (255 * levels).round().byte()
    pictures = levels.permute(0, 2, 3, 1).numpy()
    if masks.shape != pictures.shape[:3]:
        raise UserError(
            f"the masks do not fit the pictures of {source}",
            f"the shape {pictures.shape[:3]}",
            masks.shape,
        )
    if masks.dtype.kind not in "bui" or masks.min() < 0 or masks.max() > WHITE:
        raise UserError(
            "the masks do not hold class numbers",
            "integers from 0, and 255 for no class",
            f"{masks.dtype} from {masks.min():g} to {masks.max():g}",
        )
    width = len(str(len(x)))
    examples = [
        Example(f"{number:0{width}}", _encode(picture), _encode(mask))
        for number, (picture, mask) in enumerate(zip(pictures, masks, strict=True))
    ]
    split = split_randomly("masks", split_sizes(len(examples)))
    train, validation, test = ([examples[i] for i in part.tolist()] for part in split)
    return from_examples(str(source), (train, validation, test), (), WHITE, side, True)


def _encode(levels: np.ndarray) -> bytes:
    """Return levels, (H, W) or (H, W, C), as a PNG."""
    file = io.BytesIO()
    flat = levels[..., 0] if levels.shape[2:] == (1,) else levels
    Image.fromarray(flat.astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()
