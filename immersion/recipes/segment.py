"""Segmentation."""

from typing import Literal

from immersion.data.segmentation import DEFAULT_SIDE
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.models.image_to_image import build_translator, check_patch_side
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import ClassesLoss
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, trains_on
from immersion.spec import Spec
from immersion.tasks.segment import Segment


@RECIPES.register("segment")
@trains_on(Patches(side=DEFAULT_SIDE, masked=True))
def segment(
    spec: Spec,
    *,
    balance: Literal["none", "median"] = "none",
    translation: ImageToImageArchitecture = ImageToImageArchitecture("unet"),
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3, schedule="cosine"),
) -> Experiment:
    """Train a network that predicts the class of every pixel, from pictures with masks.

    The data are isbi2012 (or isbi2012-fold-1 to -5), camvid, or a folder with images/ and masks/:
    the mask of images/a.jpg is masks/a.png, of class numbers (255 for void) or in black and white;
    classes.txt may name the classes, one a line.

    Args:
        spec: Patches of pictures with masks.
        balance: none: all pixels weigh the same, best for pixel accuracy; median: pixels of rare
            classes weigh more, better for the mean over classes.
        translation: The network.
        optimizer: Settings of the optimizer.
    """
    task = Segment.from_arguments(spec, {"balance": balance})
    model = build_translator(spec, task, translation)
    check_patch_side(spec.shape[1], model.network.multiple)
    player = Player("translator", list(model.parameters()), ClassesLoss(), optimizer)
    return Experiment(model, (player,), batch_size=16, ema=0.999)
