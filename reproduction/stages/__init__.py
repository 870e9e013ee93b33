"""The tables of runs: the same claims on data of three sizes."""

from ..run import Stage
from .cifar import CIFAR
from .imagenet import IMAGENET
from .photos import PHOTOS
from .scenes import SCENES

STAGES: dict[str, Stage] = {
    stage.name: stage for stage in (PHOTOS, SCENES, CIFAR, IMAGENET)
}
