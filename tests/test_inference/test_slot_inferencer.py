"""SlotInferencer finds what the models themselves find, in any number of images."""

import gc
import pickle
import weakref

import cv2
import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

import wwt_mm
from wwt_mm.engine import load_config
from wwt_mm.errors import CheckpointError, ConfigError, DatasetError
from wwt_mm.inference import SlotInferencer
from wwt_mm.inference.images import ImagePipeline

from .conftest import CLASSIFIER, CONFIGS

KINDS = {
    'mmpretrain/wwt_scenes': 10,
    'mmpretrain/selfsup/mocov3_wwt_scenes': 0,
    'mmdet/wwt_det_scenes': 11,
    'mmdet/discovery/discovery_wwt_scenes': 0,
    'mmdet/wwt_det_tokens_voc07': 0,
    'mmseg/weak/wwt_weak_scenes': 10,
    'mmseg/wwt_seg_voc12': 0,
}


@pytest.mark.parametrize('config', KINDS)
def test_every_kind_of_model_gives_slots_masks_and_regions(config, infer_with, picture):
    infer = infer_with(config)
    result = infer(picture(48, 64))
    backbone = infer.reader.backbone
    assert result.slots.shape == (backbone.num_slots, backbone.embed_dims)
    assert len(result.masks) == backbone.num_slots
    assert result.image.shape == (48, 64, 3)
    assert len(result.class_names) == KINDS[config]
    assert len(result.slot_classes) == (backbone.num_slots if KINDS[config] else 0)
    assert bool(result.classes) == (
        config in ('mmpretrain/wwt_scenes', 'mmseg/weak/wwt_weak_scenes')
    )
    boxes = result.regions.boxes
    assert len(boxes) and (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes >= 0).all() and (boxes <= [64, 48, 64, 48]).all()


def test_slots_and_classes_are_those_of_the_model(infer, picture):
    result = infer(picture())
    model = infer.reader.model
    rgb = torch.from_numpy(picture()[..., ::-1].copy()).permute(2, 0, 1).double()
    normalised = (rgb - model.data_preprocessor.mean) / model.data_preprocessor.std
    output = model.backbone(normalised[None].float())[-1]
    torch.testing.assert_close(result.slots, output.slots[0])
    torch.testing.assert_close(result.masks, output.masks[0].mean(0))
    logits = model.head([output])
    torch.testing.assert_close(result.probabilities, logits[0].softmax(0))
    per_slot = model.head.slot_logits([output])[0].softmax(1)
    torch.testing.assert_close(result.slot_probabilities, per_slot)
    best = int(result.probabilities.argmax())
    assert result.classes[0] == ('abcdefghij'[best], float(result.probabilities[best]))
    assert (result.image == picture()[..., ::-1]).all()


def test_what_was_trained_without_labels_sees_what_a_classifier_sees(infer, picture):
    config = load_config(CONFIGS / 'mmpretrain/selfsup/mocov3_wwt_scenes.py')
    other = SlotInferencer(config)
    weights = infer.reader.backbone.state_dict()
    other.reader.backbone.load_state_dict(weights)
    torch.testing.assert_close(other(picture()).slots, infer(picture()).slots)


def test_regions_are_those_of_the_object_discoverer(infer_with, picture):
    infer = infer_with('mmdet/discovery/discovery_wwt_scenes')
    result = infer(picture(96, 128))
    model, packed = infer.reader.model, infer.pipeline(picture(96, 128))
    with DefaultScope.overwrite_default_scope('mmdet'):
        data = dict(inputs=[packed.inputs], data_samples=[packed.sample])
        found = model.test_step(data)[0].pred_instances
    np.testing.assert_allclose(result.regions.boxes, found.bboxes.numpy(), atol=1e-4)
    np.testing.assert_allclose(result.regions.scores, found.scores.numpy(), rtol=1e-5)
    assert (result.regions.slots == found.sources.numpy()).all()


@pytest.mark.parametrize('config', ['mmdet/wwt_det_scenes', 'mmseg/wwt_seg_voc12'])
def test_results_do_not_depend_on_the_batch_nor_on_the_sizes_in_it(
    config, infer_with, picture
):
    infer = infer_with(config)
    images = [picture(64, 40), picture(33, 64, 1), picture(64, 64, 2)]
    together = list(infer(images))
    for image, result in zip(images, together, strict=True):
        alone = infer(image)
        assert alone.masks.shape == result.masks.shape
        assert alone.coverage == result.coverage
        torch.testing.assert_close(alone.masks, result.masks, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(alone.slots, result.slots, atol=1e-4, rtol=1e-4)


def test_a_backbone_with_another_output_is_read_too(picture):
    options = {
        'model.backbone.out_type': 'avg_slots',
        'model.head.type': 'LinearClsHead',
    }
    infer = SlotInferencer(CLASSIFIER, None, 'cpu', cfg_options=options)
    result = infer(picture())
    model = infer.reader.model
    packed = infer.pipeline(picture())
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        data = dict(inputs=packed.inputs[None], data_samples=[packed.sample])
        expected = model.test_step(data)[0].pred_score
    torch.testing.assert_close(result.probabilities, expected, atol=1e-5, rtol=1e-5)
    assert model.backbone.out_type == 'avg_slots'


def test_a_cropping_pipeline_shows_the_part_that_the_network_sees(picture):
    options = {'model.backbone.arch': 'tiny', 'model.backbone.num_slots': 8}
    config = CLASSIFIER.with_name('wwt_tiny_in1k.py')
    infer = SlotInferencer(config, None, 'cpu', cfg_options=options)
    result = infer(picture(300, 400))
    assert result.image.shape == (224, 224, 3)
    assert result.class_names[0] == 'tench, Tinca tinca'  # of mmpretrain's ImageNet
    assert len(result.class_names) == 1000


def save_kinds(folder, pixels):
    """The same kind of scene in every kind of file that a loader may meet."""
    image = Image.fromarray(pixels[..., ::-1])
    image.convert('L').save(folder / 'grey.png')
    image.quantize(16).save(folder / 'palette.png', transparency=0)
    image.convert('RGBA').save(folder / 'alpha.png')
    image.convert('CMYK').save(folder / 'cmyk.jpg')
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(folder / 'turned.jpg', exif=exif)
    deep = pixels.astype(np.uint16) * 257
    cv2.imwrite(str(folder / '16bit.png'), deep)
    image.save(folder / 'web.webp')
    image.save(folder / 'UPPER.JPG')


def test_all_kinds_of_images_are_read_as_training_reads_them(infer, tmp_path, picture):
    save_kinds(tmp_path, picture(40, 64))
    results = {result.path.name: result for result in infer(tmp_path)}
    assert len(results) == 8
    for name, result in results.items():
        expected = mmcv.imread(tmp_path / name, channel_order='rgb')
        assert result.image.dtype == np.uint8 and (result.image == expected).all(), name
    assert results['turned.jpg'].image.shape == (64, 40, 3)
    deep = results['16bit.png'].image.astype(int)
    assert abs(deep - picture(40, 64)[..., ::-1]).max() <= 1


def spoil(folder):
    (folder / 'empty.png').touch()
    (folder / 'text.jpg').write_text('no image')
    (folder / 'cut.png').write_bytes((folder / '0.png').read_bytes()[:40])


def test_bad_images_stop_with_one_line_that_names_them(infer, folder):
    spoil(folder)
    for name in ('empty.png', 'text.jpg', 'cut.png'):
        with pytest.raises(DatasetError, match=f'{name} cannot be read') as caught:
            infer(folder / name)
        assert '\n' not in str(caught.value)
    with pytest.raises(DatasetError, match='cut.png cannot be read'):
        list(infer(folder))


def test_bad_images_can_be_skipped_and_are_counted(infer_with, folder):
    spoil(folder)
    infer = infer_with(on_bad_image='skip', batch_size=2)
    names = [result.path.name for result in infer(folder)]
    assert names == ['0.png', '1.png', '2.png', '3.png', '0.png']
    assert infer.num_bad == 3


def test_memory_stays_flat_as_results_are_not_kept(infer, picture):
    alive, most = weakref.WeakSet(), 0
    for result in infer([picture(seed=index) for index in range(40)]):
        alive.add(result)
        most = max(most, len(alive))
    gc.collect()
    assert most <= infer.batch_size
    assert len(alive) <= 1


def test_pixels_in_memory_give_what_their_file_gives(infer, tmp_path, picture):
    pixels = picture()
    cv2.imwrite(str(tmp_path / 'image.png'), pixels)
    expected = infer(tmp_path / 'image.png').slots
    rgb = np.ascontiguousarray(pixels[..., ::-1])
    for given in (
        pixels,
        pixels / 255,
        pixels.astype(np.float32),
        Image.fromarray(rgb),
        torch.from_numpy(rgb).permute(2, 0, 1),
        torch.from_numpy(rgb).permute(2, 0, 1) / 255,
    ):
        torch.testing.assert_close(infer(given).slots, expected, rtol=0, atol=1e-6)
    assert len(list(infer([pixels, Image.fromarray(rgb)]))) == 2


def test_a_picture_of_16_bits_gives_what_its_file_gives(infer, tmp_path, picture):
    deep = picture()[..., 0].astype(np.uint16) * 200
    cv2.imwrite(str(tmp_path / 'deep.png'), deep)
    with Image.open(tmp_path / 'deep.png') as opened:
        assert opened.mode == 'I;16'
        expected, result = infer(tmp_path / 'deep.png'), infer(opened)
    np.testing.assert_array_equal(result.image, expected.image)
    assert result.image.std() > 20
    for mode in ('I', 'F'):
        with pytest.raises(DatasetError, match=f"of mode '{mode}' .* not known: give"):
            infer(Image.new(mode, (64, 64)))


def test_models_of_other_than_three_channels_are_read(tmp_path, picture):
    config = load_config(CLASSIFIER)
    config.model.data_preprocessor = dict(num_classes=10, mean=[9.0], std=[7.0])
    config.model.backbone.in_channels = 1
    config.model.pop('autoencoding_head')
    cv2.imwrite(str(tmp_path / 'image.png'), picture()[..., 0])
    with pytest.raises(ConfigError, match="set the loader's color_type"):
        SlotInferencer(config, None, 'cpu')(tmp_path / 'image.png')
    config.test_dataloader.dataset.pipeline[0].color_type = 'grayscale'
    infer = SlotInferencer(config, None, 'cpu')
    expected = infer(tmp_path / 'image.png', out_dir=tmp_path / 'seen')
    assert expected.image.shape == (64, 64, 3)
    large = cv2.resize(picture()[..., 0], (128, 96))
    np.testing.assert_array_equal(infer(large).image, large[..., None].repeat(3, 2))
    for given in (picture()[..., 0], picture()[..., :1]):
        torch.testing.assert_close(infer(given).slots, expected.slots)
    config.model.backbone.in_channels = 5
    config.model.data_preprocessor = dict(num_classes=10)
    with pytest.raises(DatasetError, match=r'must be \(H, W, 5\)'):
        SlotInferencer(config, None, 'cpu')(picture())
    array = np.zeros((64, 64, 5), np.uint8)
    assert SlotInferencer(config, None, 'cpu')(array).image.shape == (64, 64, 3)


def test_wrong_inputs_are_told_in_one_line(infer, tmp_path):
    with pytest.raises(DatasetError, match='no image or folder at'):
        infer(tmp_path / 'nothing.png')
    with pytest.raises(DatasetError, match='holds no image'):
        infer(tmp_path)
    with pytest.raises(DatasetError, match=r'must be \(H, W, 3\) BGR'):
        infer(np.zeros((8, 8), np.uint8))
    for nothing in (None, [], [None], 3):
        with pytest.raises(DatasetError, match='is no image: give a file'):
            infer(nothing)
    with pytest.raises(DatasetError, match=r'type is uint16.* / 256'):
        infer(np.zeros((8, 8, 3), np.uint16))
    with pytest.raises(DatasetError, match='from -1 to 2.*not normalised'):
        infer(np.linspace(-1, 2, 192).reshape(8, 8, 3))
    with pytest.raises(DatasetError, match=r'RGB, not \(1, 3, 8, 8\)'):
        infer(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ConfigError, match='on_bad_image'):
        SlotInferencer(CLASSIFIER, None, on_bad_image='ignore')
    with pytest.raises(ConfigError, match="device='cuda:99' cannot be used"):
        SlotInferencer(CLASSIFIER, None, 'cuda:99')


def test_pipelines_that_need_more_than_an_image_are_told_in_one_line(picture):
    config = CLASSIFIER.parents[1] / 'mmseg' / 'ocl' / 'ocl_wwt_scenes.py'
    pipeline = ImagePipeline(load_config(config))
    with pytest.raises(ConfigError, match="LoadObjectMaps .* needs 'instance"):
        pipeline(picture())


def test_models_without_slots_are_refused():
    with pytest.raises(ConfigError, match='has a VisionTransformer as its backbone'):
        SlotInferencer(CLASSIFIER.with_name('vit_scenes.py'), None, 'cpu')


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_checkpoints_that_could_run_code_are_refused_unless_trusted(
    checkpoint_of, tmp_path
):
    content = torch.load(checkpoint_of('mmpretrain/wwt_scenes'))
    trap, harmed = tmp_path / 'trap.pth', tmp_path / 'harmed'
    torch.save({**content, 'extra': Harmful(harmed)}, trap)
    with pytest.raises(CheckpointError, match='may run code.*trust_checkpoint=True'):
        SlotInferencer(CLASSIFIER, trap, 'cpu')
    assert not harmed.exists()
    SlotInferencer(CLASSIFIER, trap, 'cpu', trust_checkpoint=True)
    assert harmed.exists()


def test_checkpoints_that_are_none_are_told_in_one_line(checkpoint_of, tmp_path):
    text, other = tmp_path / 'text.pth', tmp_path / 'other.pth'
    text.write_text('no checkpoint')
    with other.open('wb') as file:
        pickle.dump([1, 2], file)
    for path in (text, other, tmp_path / 'absent.pth'):
        with pytest.raises(CheckpointError, match=path.name) as caught:
            SlotInferencer(CLASSIFIER, path, 'cpu')
        assert '\n' not in str(caught.value)
    with pytest.raises(CheckpointError, match='is not a checkpoint of'):
        SlotInferencer(CLASSIFIER, checkpoint_of('mmdet/wwt_det_tokens_voc07'), 'cpu')


def test_heads_without_weights_are_left_out_not_shown_at_random(checkpoint_of, picture):
    config = CLASSIFIER.parents[1] / 'mmdet' / 'wwt_det_scenes.py'
    pretrained = checkpoint_of('mmpretrain/wwt_scenes')
    options = {'model.bbox_head.num_classes': 10}
    infer = SlotInferencer(config, pretrained, 'cpu', cfg_options=options)
    result = infer(picture())
    assert result.slot_probabilities is None and result.class_names == []
    assert len(result.regions.boxes)


def test_the_package_offers_the_inferencer():
    assert wwt_mm.SlotInferencer is SlotInferencer
    with pytest.raises(AttributeError, match='SlotInferer'):
        wwt_mm.SlotInferer  # noqa: B018


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_a_gpu_finds_the_same(infer, infer_with, picture):
    infer_gpu = SlotInferencer(CLASSIFIER, infer.record['checkpoint'], 'cuda')
    torch.testing.assert_close(
        infer(picture()).masks, infer_gpu(picture()).masks, atol=2e-2, rtol=2e-2
    )


def test_a_wrong_rule_of_regions_is_told_in_one_line():
    config = load_config(CLASSIFIER, {'slot_regions': dict(treshold=0.5)})
    with pytest.raises(ConfigError, match="slot_regions of the config: .*'treshold'"):
        SlotInferencer(config)


def test_options_change_a_config_that_was_read_before():
    config = load_config(CLASSIFIER)
    options = {'model.backbone.num_slots': 5}
    infer = SlotInferencer(config, None, 'cpu', cfg_options=options)
    assert infer.reader.model.backbone.num_slots == 5
    assert config.model.backbone.num_slots == 16
    nameless = Config(config.to_dict())
    assert SlotInferencer(nameless, None, 'cpu').reader.model.backbone.num_slots == 16


@torch.no_grad()
def test_the_reconstruction_is_what_the_decoder_says_in_rgb(infer, picture):
    result, model = infer(picture()), infer.reader.model
    mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
    rgb = torch.from_numpy(picture()[..., ::-1].copy()).permute(2, 0, 1).float()
    features = model.backbone(((rgb - mean) / std)[None])
    image = model.autoencoding_head(features, (64, 64))[0] * std + mean
    expected = image.round().clamp(0, 255).permute(1, 2, 0).numpy()
    assert abs(result.reconstruction - expected).max() <= 1


def test_masks_cover_more_than_an_image_that_is_no_whole_number_of_patches(
    infer_with, picture
):
    infer = infer_with('mmdet/wwt_det_scenes')
    result = infer(picture(61, 37))
    patch = infer.reader.backbone.patch_size
    height, width = infer.pipeline(picture(61, 37)).inputs.shape[-2:]
    rows, columns = -(-height // patch), -(-width // patch)
    assert result.masks.shape[1:] == (rows, columns)
    shares = height / (rows * patch), width / (columns * patch)
    assert result.coverage == pytest.approx(shares) and shares[0] != shares[1]


def test_classes_of_a_sigmoid_head_are_not_told_from_each_other(picture):
    loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
    config = CONFIGS / 'mmdet/wwt_det_scenes.py'
    infer = SlotInferencer(config, cfg_options={'model.bbox_head.loss_cls': loss})
    result = infer(picture())
    logits = infer.reader.model.bbox_head.fc_cls(result.slots).detach()
    torch.testing.assert_close(
        result.slot_probabilities, logits.sigmoid(), atol=1e-5, rtol=1e-5
    )
