"""The detector of the real configs, on images of several sizes."""

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from wwt_mm.detection.wwt_detector import padding_of
from wwt_mm.engine import load_config

SHRINK = {
    'model.backbone.num_slots': 8,
    'model.backbone.img_size': 64,
    'model.bbox_head.embed_dims': 24,
}
CONFIGS = ['wwt_det_voc07', 'wwt_det_moments_voc07', 'wwt_det_tokens_voc07']


def build(name):
    cfg = load_config(f'configs/mmdet/{name}.py')
    options = dict(SHRINK)
    if 'num_heads' in cfg.model.bbox_head:
        options['model.bbox_head.num_heads'] = 3
    cfg.merge_from_dict(options)
    cfg.model.backbone.arch = dict(embed_dims=24, num_layers=2, num_heads=3)
    init_default_scope('mmdet')
    torch.manual_seed(0)
    return MODELS.build(cfg.model).eval()


def data_of(sizes):
    inputs, samples = [], []
    for seed, (height, width) in enumerate(sizes):
        generator = torch.Generator().manual_seed(seed)
        inputs.append(
            torch.randint(256, (3, height, width), generator=generator).byte()
        )
        sample = DetDataSample(
            metainfo=dict(
                img_shape=(height, width),
                ori_shape=(height, width),
                scale_factor=(1.0, 1.0),
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[4.0, 4.0, 30.0, 20.0]]), labels=torch.tensor([3])
        )
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('name', CONFIGS)
@torch.no_grad()
def test_an_image_is_detected_alike_alone_and_in_a_batch(name):
    model = build(name)
    sizes = [(40, 57), (64, 80)]
    together = model.test_step(data_of(sizes))
    (alone,) = model.test_step(data_of(sizes[:1]))
    a, b = alone.pred_instances, together[0].pred_instances
    count = min(len(a), len(b))  # the token head has more queries on a larger canvas
    order = slice(0, min(count, 5))
    torch.testing.assert_close(a.scores[order], b.scores[order], rtol=0, atol=1e-5)
    torch.testing.assert_close(a.bboxes[order], b.bboxes[order], rtol=0, atol=1e-3)


@pytest.mark.parametrize('name', CONFIGS)
def test_every_trained_parameter_gets_a_gradient_or_the_config_says_so(name):
    cfg = load_config(f'configs/mmdet/{name}.py')
    model = build(name).train()
    data = model.data_preprocessor(data_of([(40, 57), (64, 80)]), training=True)
    losses = model(**data, mode='loss')
    model.parse_losses(losses)[0].backward()
    unused = [
        n for n, p in model.named_parameters() if p.requires_grad and p.grad is None
    ]
    static = (cfg.get('model_wrapper_cfg') or {}).get('static_graph', False)
    assert bool(unused) == static, unused


@torch.no_grad()
def test_tensor_mode_gives_logits_and_boxes():
    model = build('wwt_det_voc07')
    logits, boxes = model(torch.zeros(1, 3, 64, 64), None, mode='tensor')
    assert logits.shape == (1, 1, 8, 21) and boxes.shape == (1, 1, 8, 4)


def test_padding_is_what_lies_below_and_right_of_an_image():
    batch = torch.zeros(2, 3, 4, 5)
    assert padding_of([(4, 5), (4, 5)], batch) is None
    mask = padding_of([(4, 5), (2, 3)], batch)
    assert not mask[0].any()
    expected = torch.ones(4, 5, dtype=torch.bool)
    expected[:2, :3] = False
    assert torch.equal(mask[1], expected)
