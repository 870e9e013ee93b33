"""A trained model on its way out: to ONNX, and to others."""

from .model_folder import write_model_folder
from .onnx_export import export_onnx
from .publish import publish_checkpoint

__all__ = ['export_onnx', 'publish_checkpoint', 'write_model_folder']
