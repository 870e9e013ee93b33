"""Datasets that the OpenMMLab libraries lack.

The modules imported here use numpy, OpenCV, PIL and rich only.
"""

from .scenes import Scene, SceneConfig, render_scene
from .scenes_shapes import CLASSES as SCENE_CLASSES
from .scenes_writers import write_classification, write_voc

__all__ = [
    'SCENE_CLASSES',
    'Scene',
    'SceneConfig',
    'render_scene',
    'write_classification',
    'write_voc',
]
