"""What stands between the backbone and the libraries' heads."""

from .simple_pyramid import SimplePyramid
from .tokens_beside_slots import TokensBesideSlots

__all__ = ['SimplePyramid', 'TokensBesideSlots']
