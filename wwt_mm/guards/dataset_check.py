"""Finds missing dataset files before anything is built, and says where to look."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import is_abs

from ..errors import DatasetError
from .class_names import find_dataset_class, iterate_leaves, name_type, read_classes
from .clip_boxes import clip_boxes
from .coco_check import check_coco
from .voc_check import check_voc

_VOC_PARTS = {'img_subdir': 'JPEGImages', 'ann_subdir': 'Annotations'}

# mmpretrain fetches these itself unless told not to.
_DOWNLOADING = ('CIFAR', 'MNIST', 'FashionMNIST')


def check_datasets(cfg: Config, stages: Sequence[str]) -> None:
    """Raises an error for the first dataset path of a config that does not exist.

    Looked for are ``data_root``, ``ann_file`` and the folders of ``data_prefix`` of
    every dataset, also of those inside wrappers (``RepeatDataset``,
    ``ConcatDataset``, ``ClassBalancedDataset``, ``MultiImageMixDataset``, ...).
    Remote paths and datasets that download themselves are left alone.

    Args:
        cfg: The config.
        stages: Which dataloaders to look at: of ``'train'``, ``'val'``, ``'test'``.

    Raises:
        DatasetError: One line with the path, the config and the page of the docs.
    """
    for stage in stages:
        dataloader = cfg.get(f'{stage}_dataloader') or {}
        for dataset in iterate_leaves(dataloader.get('dataset')):
            problem = _find_problem(dataset)
            if problem:
                raise DatasetError(_describe(cfg, stage, dataset, problem))


def check_annotations(cfg: Config, stages: Sequence[str]) -> None:
    """Raises an error for the first mistake in annotations of VOC's or COCO's form.

    With ``clip_boxes=True`` in the config, boxes of VOC's form may exceed their image:
    a step that cuts them off is put behind the one that loads them.

    Args:
        cfg: The config. Its ``ignored_classes`` may be in the annotations, and are
            left out as mmdet leaves out all classes that it does not know.
        stages: Which dataloaders to look at: of ``'train'``, ``'val'``, ``'test'``.

    Raises:
        DatasetError: See :func:`~wwt_mm.guards.voc_check.check_voc` and
            :func:`~wwt_mm.guards.coco_check.check_coco`.
    """
    if cfg.get('default_scope') != 'mmdet':
        return
    ignored = cfg.get('ignored_classes') or ()
    ignored = [ignored] if isinstance(ignored, str) else ignored
    clip, checked = bool(cfg.get('clip_boxes')), set()
    for stage in stages:
        dataloader = cfg.get(f'{stage}_dataloader') or {}
        for dataset in iterate_leaves(dataloader.get('dataset')):
            if not _is_local(dataset) or str(dataset) in checked:
                continue  # validation and test are often the same
            checked.add(str(dataset))
            _check_annotations(dataset, ignored, clip)


def _find_problem(dataset: dict) -> str | None:
    """Describes the first path of a dataset that is not there."""
    if dataset.get('backend_args') or _downloads_itself(dataset):
        return None
    root = dataset.get('data_root') or ''
    if root and not _is_remote(root) and not Path(root).is_dir():
        return f'no data_root folder at {Path(root).absolute()}'
    ann_file = dataset.get('ann_file')
    if isinstance(ann_file, str) and ann_file:
        problem = _find_file_problem(_join(root, ann_file))
        if problem:
            return problem
    for name, folder in _list_folders(dataset).items():
        folder = _join(root, folder)
        if not _is_remote(folder) and not Path(folder).is_dir():
            return f'no {name} folder at {Path(folder).absolute()}'
    return None


def _is_local(dataset: dict) -> bool:
    if not isinstance(dataset.get('ann_file'), str) or dataset.get('backend_args'):
        return False
    return bool(dataset['ann_file']) and not _is_remote(_list_file(dataset))


def _check_annotations(dataset: dict, ignored: Sequence[str], clip: bool) -> None:
    from mmdet.datasets import CocoDataset, XMLDataset

    kind = find_dataset_class(dataset, 'mmdet')
    if kind is None:
        return
    ann_file, root = Path(_list_file(dataset)), dataset.get('data_root') or ''
    folders = {k: Path(_join(root, v)) for k, v in _list_folders(dataset).items()}
    parse = '_parse_instance_info'
    if getattr(kind, parse, None) is getattr(XMLDataset, parse):
        classes = read_classes(dataset, kind) or ()
        parts = [folders[part] for part in _VOC_PARTS]
        check_voc(ann_file, *parts, frozenset(classes), ignored, clip)
        if clip:
            clip_boxes(dataset)
    elif kind.load_data_list is CocoDataset.load_data_list:
        classes = read_classes(dataset, kind) or ()
        check_coco(ann_file, folders.get('img', Path(root)), classes, ignored)


def _list_file(dataset: dict) -> str:
    return _join(dataset.get('data_root') or '', dataset['ann_file'])


def _list_folders(dataset: dict) -> dict[str, str]:
    """Lists the folders of a dataset by what they hold, relative to its root."""
    prefixes = dataset.get('data_prefix') or {}
    if isinstance(prefixes, str):
        prefixes = {'data_prefix': prefixes}
    folders = {k: v for k, v in prefixes.items() if isinstance(v, str) and v}
    if 'sub_data_root' in prefixes:  # mmdet's datasets in the Pascal VOC layout
        for part, default in _VOC_PARTS.items():
            folder = _join(folders.get('sub_data_root', ''), dataset.get(part, default))
            folders[part] = folder
    return folders


def _find_file_problem(path: str) -> str | None:
    if _is_remote(path):
        return None
    file = Path(path)
    if not file.exists():
        return f'no ann_file at {file.absolute()}'
    if file.is_file() and not file.stat().st_size:
        return f'ann_file {file.absolute()} is empty'
    return None


def _downloads_itself(dataset: dict) -> bool:
    kind = name_type(dataset)
    return kind.startswith(_DOWNLOADING) and dataset.get('download', True)


def _describe(cfg: Config, stage: str, dataset: dict, problem: str) -> str:
    kind = name_type(dataset)
    config = cfg.filename or 'the config'
    return (
        f'the {stage} dataset ({kind}) of {config} is not there: {problem}; lay it out '
        'as docs/datasets.md says, or name its place with --cfg-options '
        'data_root=FOLDER'
    )


def _join(root: str, path: str) -> str:
    return path if is_abs(path) or not root else f'{root.rstrip("/")}/{path}'


def _is_remote(path: str) -> bool:
    return '://' in path or path.startswith(('s3:', 'petrel:'))
