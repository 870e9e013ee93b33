"""The generated scenes: the project's own data, for its demo and its tests.

Needs numpy, OpenCV, PIL and rich only.
"""

from .generator import Scene, SceneConfig, render_scene
from .shapes import CLASSES as SCENE_CLASSES
from .writers import write_classification, write_voc

__all__ = [
    'SCENE_CLASSES',
    'Scene',
    'SceneConfig',
    'render_scene',
    'write_classification',
    'write_voc',
]
