"""What the measures of image-to-image networks are called; their names end in a protocol's."""

MEASURES = {
    "psnr": ("PSNR", "Of the output, against the clean picture. Higher is better."),
    "psnr_before": ("PSNR before", "Of what the network was given: what is to be beaten."),
    "ssim": ("SSIM", "How alike the structures are; 1 for the same picture. Higher is better."),
    "interval_90": (
        "Values inside their 90 % interval",
        "What the network says of its own error, held against the truth: 0.9 if it is right.",
    ),
    "psnr_y": ("PSNR of luma", "Of the brightness alone. Higher is better."),
    "psnr_y_before": ("PSNR of luma, bicubic", "Of bicubic enlargement: what is to be beaten."),
    "ssim_y": ("SSIM of luma", "Of the brightness alone. Higher is better."),
    "psnr_hole": ("PSNR of what was missing", "Inside the holes alone. Higher is better."),
    "psnr_hole_before": ("PSNR of mid-grey", "Inside the holes: what is to be beaten."),
    "psnr_chroma": ("PSNR of chroma", "Of a and b of CIE Lab. Higher is better."),
    "psnr_chroma_grey": ("PSNR of chroma, grey", "Of no colour at all: what is to be beaten."),
    "psnr_chroma_mean": ("PSNR of chroma, mean colour", "Of the training data's one colour."),
    "psnr_chroma_gain": ("Gain in PSNR of chroma", "Picture by picture. Higher is better."),
    "colourfulness": ("Colourfulness", "Of the output; the truth's is beside it."),
    "colourfulness_truth": ("Colourfulness of the truth", "What is to be met."),
    "colourfulness_grey": ("Colourfulness of grey", "None."),
    "colourfulness_mean": ("Colourfulness of the mean colour", "Of one colour everywhere."),
    "colourfulness_error": ("Error of colourfulness", "Against the truth's. Lower is better."),
    "mean_iou": ("Mean IoU", "Intersection over union, the mean over classes. Higher is better."),
    "pixel_accuracy": ("Pixels that are right", "The share. Higher is better."),
    "mean_class_accuracy": ("Pixels that are right, a class", "The mean over classes."),
    "pixel_error": ("Pixel error", "Share of pixels that are wrong. Lower is better."),
    "rand_error": ("Rand error", "Of pairs of pixels, in one object or in two. Lower is better."),
    "warping_error": ("Warping error", "Of splits, mergers and holes alone. Lower is better."),
}
"""Measure -> what it is called, and what it means."""

KEYS = ("psnr", "psnr_y", "psnr_hole", "psnr_chroma", "mean_iou")
"""Measures that are key numbers."""


def named(estimate: str) -> tuple[str, str] | None:
    """Return what an estimate is called and what it means; None where it is no such measure.

    Example:
        >>> named("psnr_before_sigma_25")
        ('PSNR before, sigma 25', 'Of what the network was given: what is to be beaten.')
    """
    measure = measure_of(estimate)
    if measure is None:
        return None
    label, meaning = MEASURES[measure]
    return f"{label}, {estimate[len(measure) + 1 :].replace('_', ' ')}", meaning


def measure_of(estimate: str) -> str | None:
    """Return the longest measure that an estimate's name begins with.

    Example:
        >>> measure_of("psnr_y_before_x2"), measure_of("frechet")
        ('psnr_y_before', None)
    """
    begins = [name for name in MEASURES if estimate.startswith(f"{name}_")]
    return max(begins, key=len, default=None)


def is_key(estimate: str) -> bool:
    """Return whether an estimate is a key number."""
    return measure_of(estimate) in KEYS
