"""What stands between the backbone and the libraries' heads."""

from .simple_pyramid import SimplePyramid

__all__ = ['SimplePyramid']
