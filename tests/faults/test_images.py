"""Odd images load like any other; bad ones are left out in training, up to a limit."""

import io

import cv2
import numpy as np
import pytest
from mmengine.dataset import BaseDataset, Compose
from PIL import Image

from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError, DatasetError
from wwt_mm.guards import BadImageHook
from wwt_mm.guards.bad_image_hook import BadImageRecord, WatchedPipeline
from wwt_mm.inference.images import ImagePipeline

from .small import CLASSIFICATION

SCENE = np.add.outer(np.arange(32), np.arange(48))[..., None] * (1, 2, 3)
PIXELS = np.clip(SCENE, 0, 255).astype(np.uint8)  # RGB


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rgb(kind='JPEG', **options):
    return encode(Image.fromarray(PIXELS), kind, **options)


def with_orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return rgb(exif=exif)


def palette_with_alpha():
    image = Image.fromarray(PIXELS).quantize(64)
    return encode(image, 'PNG', transparency=bytes([0, 128] + [255] * 62))


def high_depth():
    return cv2.imencode('.png', PIXELS[..., ::-1].astype(np.uint16) * 257)[1].tobytes()


def blank(height, width):
    return encode(Image.new('RGB', (width, height), (9, 9, 9)), 'PNG')


GOOD = {
    'jpeg.jpg': rgb(quality=95),
    'cmyk.jpg': encode(Image.fromarray(PIXELS).convert('CMYK'), 'JPEG', quality=95),
    'high_depth.png': high_depth(),
    'grey.jpg': encode(Image.fromarray(PIXELS).convert('L'), 'JPEG'),
    'grey.png': encode(Image.fromarray(PIXELS).convert('L'), 'PNG'),
    'palette.png': palette_with_alpha(),
    'alpha.png': encode(Image.fromarray(PIXELS).convert('RGBA'), 'PNG'),
    'trailing.jpg': rgb() + b'\0' * 200,
}
BAD = {
    'cut.jpg': rgb()[:-300],
    'cut.png': rgb('PNG')[:-300],
    'without_end.jpg': rgb()[:-2],
    'zero.jpg': b'',
    'text.jpg': b'no image',
    'long.png': blank(1, 8000),
}


def pipeline(record=None):
    steps = [
        dict(type='mmcv.LoadImageFromFile'),
        dict(type='mmcv.Resize', scale=(64, 64), keep_ratio=True),
    ]
    return WatchedPipeline(Compose(steps), record)


@pytest.fixture(autouse=True)
def scope():
    from mmengine.registry import init_default_scope

    init_default_scope('mmengine')


@pytest.fixture
def write(tmp_path):
    def run(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return run


@pytest.mark.parametrize('name', GOOD)
def test_any_kind_of_image_becomes_eight_bits_of_three_colours(name, write):
    image = pipeline()(dict(img_path=write(name, GOOD[name])))['img']
    assert image.dtype == np.uint8
    assert image.shape == (43, 64, 3)
    expected = cv2.resize(PIXELS[..., ::-1], (64, 43)).astype(int)
    if name.startswith('grey'):
        luma = np.array(Image.fromarray(PIXELS).convert('L'))
        expected = cv2.resize(luma, (64, 43)).astype(int)[..., None]
    limit = 4 if name in ('jpeg.jpg', 'high_depth.png', 'alpha.png') else 30
    assert np.abs(image - expected).mean() < limit


@pytest.mark.parametrize(('orientation', 'shape'), [(3, (43, 64)), (6, (64, 43))])
def test_the_orientation_that_a_camera_noted_is_applied(orientation, shape, write):
    path = write('turned.jpg', with_orientation(orientation))
    assert pipeline()(dict(img_path=path))['img'].shape[:2] == shape


def test_an_image_of_one_pixel_is_an_image(write):
    path = write('pixel.png', blank(1, 1))
    assert pipeline()(dict(img_path=path))['img'].shape == (64, 64, 3)


@pytest.mark.parametrize('name', BAD)
def test_a_bad_image_is_an_error_that_names_it(name, write):
    path = write(name, BAD[name])
    with pytest.raises(DatasetError) as error:
        pipeline()(dict(img_path=path))
    assert f'{path} cannot be read' in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('name', BAD)
def test_a_bad_training_image_is_left_out_and_counted_once(name, write):
    record = BadImageRecord(1)
    path = write(name, BAD[name])
    assert pipeline(record)(dict(img_path=path)) is None
    assert pipeline(record)(dict(img_path=path)) is None
    assert record.count == 1


def test_a_missing_training_image_counts_as_bad(tmp_path):
    record = BadImageRecord(1)
    assert pipeline(record)(dict(img_path=str(tmp_path / 'none.jpg'))) is None
    assert record.count == 1


def test_one_bad_image_too_many_is_an_error(write):
    watched = pipeline(BadImageRecord(2))
    for name in ('a.jpg', 'b.jpg'):
        watched(dict(img_path=write(name, b'')))
    with pytest.raises(DatasetError, match='more than 2 training .*c.jpg .*0 bytes'):
        watched(dict(img_path=write('c.jpg', b'')))


def test_other_failures_of_a_pipeline_are_not_taken_for_bad_images(write):
    def fail(data):
        raise ZeroDivisionError

    watched = WatchedPipeline(Compose([fail]), BadImageRecord(9))
    with pytest.raises(ZeroDivisionError):
        watched(dict(img_path=write('a.jpg', b'')))


def test_an_unknown_action_is_an_error():
    with pytest.raises(ConfigError, match="action='ignore'"):
        BadImageHook('ignore')


@pytest.mark.parametrize('name', BAD)
def test_the_inferencer_names_a_bad_image_too(name, write):
    if name == 'long.png':
        pytest.skip('the config resizes to a square')
    path = write(name, BAD[name])
    with pytest.raises(DatasetError) as error:
        ImagePipeline(load_config(CLASSIFICATION))(path)
    assert f'{path} cannot be read' in str(error.value)


class Listed(BaseDataset):
    """The images of a list."""

    def __init__(self, paths):
        self.paths = paths
        super().__init__(pipeline=pipeline().transforms)

    def load_data_list(self):
        return [dict(img_path=path) for path in self.paths]


class Loop:
    """What the hook needs of a runner, and of its loops."""

    def __init__(self, dataset):
        self.dataset, self.dataloader = dataset, self
        self.train_loop, self.val_loop = self, None


@pytest.mark.parametrize('workers', [0, 2])
def test_training_goes_on_with_other_images(workers, write):
    from torch.utils.data import DataLoader

    good = [write(f'{i}.jpg', rgb()) for i in range(6)]
    bad = [write('cut.jpg', BAD['cut.jpg']), write('zero.jpg', b'')]
    dataset = Listed([*good, *bad])
    hook = BadImageHook()
    hook.before_train(Loop(dataset))
    loader = DataLoader(
        dataset, 2, num_workers=workers, collate_fn=list, multiprocessing_context=None
    )
    for _ in range(2):
        loaded = [data['img_path'] for batch in loader for data in batch]
        assert len(loaded) == 8
        assert set(loaded) <= set(good)
    assert hook.record.count == 2
