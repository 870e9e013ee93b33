"""Table 6's detectors, trained on VOC07 alone and on VOC07 + VOC12."""

import pytest
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope

from tests.tool_process import REPOSITORY
from wwt_mm.engine import load_config


def load(name):
    return load_config(REPOSITORY / 'configs' / 'mmdet' / f'{name}.py')


@pytest.mark.parametrize('name', ['wwt_det', 'wwt_det_tokens', 'detr_r50'])
def test_more_images_are_the_only_difference(name):
    alone, both = load(f'{name}_voc07').to_dict(), load(f'{name}_voc0712').to_dict()
    differing = {k for k in alone | both if alone.get(k) != both.get(k)}
    assert differing == {'train_dataloader'}
    first, second = both['train_dataloader']['dataset']['datasets']
    assert first == alone['train_dataloader']['dataset']
    assert second['data_prefix'] == dict(sub_data_root='VOC2012/')
    assert second['ann_file'] == first['ann_file'].replace('2007', '2012')
    with DefaultScope.overwrite_default_scope('mmdet'):
        MODELS.build(load(f'{name}_voc0712').model)
