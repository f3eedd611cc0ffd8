"""A segmenter."""

from typing import Literal

from immersion.data import Spec
from immersion.data.segmentation import DEFAULT_SIDE
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import ClassesLoss
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, of_pictures, refuse_side
from immersion.tasks.segment import Segment, balanced


@RECIPES.register("segment")
@of_pictures(Patches(side=DEFAULT_SIDE, masked=True))
def segment(
    spec: Spec,
    *,
    balance: Literal["none", "median"] = "none",
    translation: ImageToImageArchitecture = ImageToImageArchitecture("unet"),
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3, schedule="cosine"),
) -> Experiment:
    """Train a network to say the class of every pixel, from pictures with masks.

    The data are isbi2012 (or isbi2012-fold-1 to -5), camvid, or a folder with images/ and masks/:
    the mask of images/a.jpg is masks/a.png, of class numbers (255 where there is none) or in black
    and white; classes.txt may name the classes, one a line.

    Args:
        spec: Patches of pictures with masks.
        balance: none: all pixels count alike, which is best for the share that is right; median:
            those of rare classes count more, which is better for the mean over classes.
        translation: The network.
        optimizer: How parameters move.
    """
    weights = balanced(spec.frequencies) if balance == "median" and spec.frequencies else ()
    task = Segment(len(spec.classes), weights)
    inward, outward = task.channels(spec.shape[0])
    p = PixelClasses((outward, *spec.shape[1:]), task.classes)
    network = translation.build(inward, p.parameters_per_value, task.scale)
    refuse_side(spec.shape[1], network.multiple)
    model = Translator(task, network, p)
    player = Player("translator", list(model.parameters()), ClassesLoss(), optimizer)
    return Experiment(model, (player,), batch_size=16, ema=0.999)
