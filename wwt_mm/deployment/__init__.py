"""A trained model on its way out: to ONNX, and to others."""

from .onnx_export import export_onnx
from .publish import publish_checkpoint

__all__ = ['export_onnx', 'publish_checkpoint']
