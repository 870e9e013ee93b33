"""Exported models compute what PyTorch computes, for batches of any size."""

import json
import math
import runpy

import onnx
import onnxruntime
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from tool_process import REPOSITORY

from wwt_mm.deployment import onnx_export, write_model_folder
from wwt_mm.deployment.onnx_export import (
    ExportedModel,
    build_exported_model,
    export_onnx,
    export_program,
)
from wwt_mm.engine import load_config
from wwt_mm.errors import CheckpointError, ConfigError, ExportError, MissingPackageError

ARCH = dict(_delete_=True, embed_dims=32, num_layers=2, num_heads=2)
SMALL = {
    'model.backbone.arch': ARCH,
    'model.backbone.img_size': 32,
    'model.backbone.num_slots': 8,
}
CASES = {
    'classifier': ('mmpretrain/wwt_scenes.py', {'model.head.in_channels': 32}),
    'detector': (
        'mmdet/wwt_det_moments_voc07.py',
        {'model.bbox_head.embed_dims': 32, 'model.bbox_head.num_heads': 2},
    ),
    'segmentor': (
        'mmseg/wwt_seg_voc12.py',
        {
            'model.decode_head.in_channels': 32,
            'model.decode_head.num_heads': 2,
            'model.decode_head.num_slots': 8,
        },
    ),
}
SHAPE = (40, 56)  # neither the model's size nor multiples of the patch


def load_small(case):
    path, options = CASES[case]
    return load_config(REPOSITORY / 'configs' / path, SMALL | options)


def save_weights(cfg, path, classes=('a', 'b')):
    """Writes a checkpoint with random weights that matter to every output."""
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    meta = dict(dataset_meta=dict(classes=classes))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return model.eval()


@pytest.fixture(scope='module', params=CASES)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    cfg = load_small(request.param)
    original = save_weights(cfg, folder / 'weights.pth')
    model, classes = build_exported_model(cfg, folder / 'weights.pth')
    difference = export_onnx(model, SHAPE, folder / 'wwt.onnx', classes)
    return request.param, folder, original, difference


def run(path, images):
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return dict(
        zip(names, map(torch.from_numpy, session.run(None, dict(image=images))))
    )


def test_the_file_is_checked_and_says_what_it_takes_and_names(exported):
    _, folder, _, difference = exported
    assert 0 <= difference <= 1e-4
    assert {path.name for path in folder.iterdir()} == {'weights.pth', 'wwt.onnx'}
    proto = onnx.load(folder / 'wwt.onnx')
    onnx.checker.check_model(proto, full_check=True)
    assert max(entry.version for entry in proto.opset_import) >= 17
    meta = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(meta['classes']) == ['a', 'b']
    assert 'RGB, 0 to 255' in meta['input']
    shape = proto.graph.input[0].type.tensor_type.shape
    sizes = [axis.dim_param or axis.dim_value for axis in shape.dim]
    assert sizes == ['batch', 3, *SHAPE]


def test_the_outputs_are_those_of_the_library_on_the_same_pictures(exported):
    """Held against the model as the libraries run it, on BGR pictures of uint8."""
    case, folder, model, _ = exported
    torch.manual_seed(1)
    rgb = torch.randint(0, 256, (5, 3, *SHAPE), dtype=torch.uint8)
    found = run(folder / 'wwt.onnx', rgb.float().numpy())
    data = model.data_preprocessor(dict(inputs=list(rgb.flip(1))), training=False)
    inputs = data['inputs']
    with torch.no_grad():
        if case == 'classifier':
            expected = dict(logits=model(inputs, mode='tensor'))
        elif case == 'segmentor':
            meta = dict(img_shape=SHAPE, ori_shape=SHAPE, pad_shape=SHAPE)
            expected = dict(logits=model.whole_inference(inputs, [meta] * 5))
            assert expected['logits'].shape == (5, 21, *SHAPE)
        else:
            # mmdet pads to a multiple of 16; the backbone does so by itself.
            inputs = inputs[..., : SHAPE[0], : SHAPE[1]]
            assert_boxes_are_those_of_mmdet(found, model, inputs)
            return
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-4)


def assert_boxes_are_those_of_mmdet(found, model, inputs):
    from mmdet.structures import DetDataSample

    meta = dict(img_shape=SHAPE, ori_shape=SHAPE, scale_factor=(1.0, 1.0))
    samples = [DetDataSample(metainfo=meta) for _ in inputs]
    for sample, boxes, scores in zip(
        model.predict(inputs, samples), found['boxes'], found['scores']
    ):
        best, labels = scores.max(-1)
        order = best.argsort(descending=True)
        expected = InstanceData(
            bboxes=boxes[order], scores=best[order], labels=labels[order]
        )
        for name in ('bboxes', 'scores', 'labels'):
            torch.testing.assert_close(
                sample.pred_instances[name], expected[name], rtol=1e-4, atol=1e-3
            )


@pytest.mark.parametrize(
    ('out_type', 'indices', 'names'),
    [
        ('slot_masks', [-1], ['slots', 'masks', 'tokens']),
        ('featmap', [0, 1], ['features_0', 'features_1']),
        ('avg_slots', [-1], ['features']),
    ],
)
def test_torch_export_records_the_backbone_for_any_batch(out_type, indices, names):
    cfg = load_small('classifier')
    cfg.model.backbone.update(out_type=out_type, out_indices=indices)
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    model = ExportedModel(MODELS.build(cfg.model).eval(), 'mmpretrain', True)
    program = export_program(model, SHAPE)
    for batch in (1, 4):
        images = torch.rand(batch, 3, *SHAPE)
        expected = model.compute(images)
        assert list(expected) == names
        outputs = program.module()(images)
        torch.testing.assert_close(
            outputs, tuple(expected.values()), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize('channels', [1, 5])
def test_models_of_other_than_three_channels_are_exported(channels, tmp_path):
    cfg = load_small('classifier')
    cfg.merge_from_dict(
        {
            'model.backbone.in_channels': channels,
            'model.data_preprocessor': dict(
                _delete_=True, type='ClsDataPreprocessor', mean=[9.0], std=[7.0]
            ),
            'model.autoencoding_head': None,
        }
    )
    original = save_weights(cfg, tmp_path / 'weights.pth')
    model, classes = build_exported_model(cfg, tmp_path / 'weights.pth')
    export_onnx(model, SHAPE, tmp_path / 'wwt.onnx', classes)
    images = 255 * torch.rand(2, channels, *SHAPE)
    expected = original((images - 9) / 7, mode='tensor')
    found = run(tmp_path / 'wwt.onnx', images.numpy())['logits']
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    (entry,) = (e for e in onnx.load(tmp_path / 'wwt.onnx').metadata_props[:1])
    assert 'RGB' not in entry.value


def test_the_file_of_a_published_folder_names_its_classes(tmp_path):
    cfg = load_small('classifier')
    save_weights(cfg, tmp_path / 'weights.pth')
    folder = write_model_folder(cfg, tmp_path / 'weights.pth', tmp_path / 'folder')
    published = load_config(folder / 'config.json')
    _, classes = build_exported_model(published, folder / 'model.safetensors')
    assert classes == ('a', 'b')


def test_a_file_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    cfg = load_small('classifier')
    save_weights(cfg, tmp_path / 'weights.pth')
    model, _ = build_exported_model(cfg, tmp_path / 'weights.pth', backbone_only=True)
    monkeypatch.setattr(onnx_export, 'compare_with_onnxruntime', lambda *_: math.nan)
    with pytest.raises(ExportError, match='nothing was written'):
        export_onnx(model, SHAPE, tmp_path / 'wwt.onnx')
    assert not (tmp_path / 'wwt.onnx').exists()


def test_a_detector_that_suppresses_boxes_is_refused_and_its_backbone_is_not():
    cfg = load_config(REPOSITORY / 'configs/mmdet/swaps/retinanet.py')
    cfg.model.backbone.update(arch=dict(embed_dims=384, num_layers=1, num_heads=2))
    init_default_scope('mmdet')
    model = MODELS.build(cfg.model)
    with pytest.raises(ConfigError, match='RetinaNet cannot be exported.*--backbone'):
        ExportedModel(model, 'mmdet')
    ExportedModel(model, 'mmdet', backbone_only=True)


def test_weights_of_another_model_are_refused(tmp_path):
    save_weights(load_small('segmentor'), tmp_path / 'weights.pth')
    cfg = load_small('classifier')
    cfg.model.backbone.arch.embed_dims = 64
    cfg.model.head.in_channels = 64
    with pytest.raises(CheckpointError):
        build_exported_model(cfg, tmp_path / 'weights.pth')


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    monkeypatch.setattr(onnx_export, 'find_spec', lambda name: None)
    with pytest.raises(MissingPackageError, match=r'needs onnx, .*wwt-mm\[export\]'):
        export_onnx(None, SHAPE, 'wwt.onnx')


def test_the_tool_prints_the_file_alone(tmp_path, monkeypatch, capsys):
    cfg = load_small('classifier')
    save_weights(cfg, tmp_path / 'weights.pth')
    cfg.dump(tmp_path / 'config.py')
    tool = REPOSITORY / 'tools/deployment/export_onnx.py'
    arguments = [tool, tmp_path / 'config.py', tmp_path / 'weights.pth', '--backbone']
    monkeypatch.setattr('sys.argv', [str(argument) for argument in arguments])
    runpy.run_path(str(tool), run_name='__main__')
    assert capsys.readouterr().out.strip() == str(tmp_path / 'weights.onnx')
    assert (tmp_path / 'weights.onnx').is_file()
