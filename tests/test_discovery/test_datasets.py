"""Which objects count, by LOST's protocol: difficult, truncated, and crowds."""

import json

import pytest
from mmdet.registry import DATASETS

import wwt_mm.discovery  # noqa: F401  registers the datasets
from wwt_mm.errors import DatasetError

ANNOTATION = """<annotation><size><width>50</width><height>40</height></size>
<object><name>cat</name><difficult>0</difficult><truncated>0</truncated>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>50</xmax><ymax>40</ymax></bndbox></object>
<object><name>dog</name><difficult>1</difficult><truncated>0</truncated>
<bndbox><xmin>3</xmin><ymin>4</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>
<object><name>anything</name><truncated>1</truncated>
<bndbox><xmin>7</xmin><ymin>8</ymin><xmax>9</xmax><ymax>10</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def voc(tmp_path):
    def build(**options):
        folder = tmp_path / 'VOC2007'
        (folder / 'Annotations').mkdir(parents=True)
        (folder / 'Annotations' / '000001.xml').write_text(ANNOTATION)
        (folder / 'list.txt').write_text('000001\n')
        cfg = dict(
            type='VOCDiscoveryDataset',
            data_root=str(tmp_path),
            ann_file='VOC2007/list.txt',
            data_prefix=dict(sub_data_root='VOC2007/'),
            test_mode=True,
            **options,
        )
        return DATASETS.build(cfg)

    return build


def test_voc_counts_every_object_and_its_last_pixel(voc):
    dataset = voc()
    assert dataset.metainfo['classes'] == ('object',)
    instances = dataset.get_data_info(0)['instances']
    assert [instance['bbox'] for instance in instances] == [
        [0, 1, 50, 40],
        [2, 3, 5, 6],
        [6, 7, 9, 10],
    ]
    assert {(i['ignore_flag'], i['bbox_label']) for i in instances} == {(0, 0)}


def test_voc_without_hard_objects_lacks_difficult_and_truncated_ones(voc):
    instances = voc(drop_hard=True).get_data_info(0)['instances']
    assert [instance['bbox'] for instance in instances] == [[0, 1, 50, 40]]


@pytest.fixture
def coco20k(tmp_path):
    names = [f'COCO_train2014_{number:012d}.jpg' for number in (7, 8, 9)]

    def annotation(number, image, box, crowd=0):
        return dict(
            id=number,
            image_id=image,
            category_id=18,
            bbox=box,
            area=box[2] * box[3],
            iscrowd=crowd,
            segmentation=[[0, 0, 1, 1, 2, 2]],
        )

    annotations = dict(
        images=[
            dict(id=number, file_name=name, height=40, width=50)
            for number, name in zip((7, 8, 9), names, strict=True)
        ],
        categories=[dict(id=18, name='dog')],
        annotations=[
            annotation(1, 7, [1.4, 2.6, 10.3, 10.2]),
            annotation(2, 9, [0, 0, 20, 20], crowd=1),
            annotation(3, 9, [3, 3, 5, 5]),
        ],
    )
    (tmp_path / 'instances_train2014.json').write_text(json.dumps(annotations))

    def build(*lines, image_list='list.txt'):
        (tmp_path / 'list.txt').write_text('\n'.join(lines))
        return DATASETS.build(
            dict(
                type='Coco20kDataset',
                data_root=str(tmp_path),
                ann_file='instances_train2014.json',
                image_list=image_list,
                data_prefix=dict(img='train2014/'),
                test_mode=True,
            )
        )

    return build, names


def test_coco20k_holds_the_listed_images_in_their_order(coco20k):
    build, names = coco20k
    dataset = build(f'train2014/{names[2]}', '', names[0])
    assert [dataset.get_data_info(i)['img_id'] for i in range(2)] == [9, 7]
    assert len(dataset) == 2
    assert dataset.get_data_info(1)['img_path'].endswith(f'train2014/{names[0]}')
    assert dataset.metainfo['classes'] == ('object',)


def test_coco20k_ignores_crowds_and_rounds_boxes(coco20k):
    build, names = coco20k
    dataset = build(names[0], names[2])
    (instance,) = dataset.get_data_info(0)['instances']
    assert instance['bbox'] == [1, 3, 12, 13] and instance['bbox_label'] == 0
    flags = [i['ignore_flag'] for i in dataset.get_data_info(1)['instances']]
    assert flags == [1, 0]


def test_coco20k_says_what_is_wrong_with_its_list(coco20k):
    build, names = coco20k
    with pytest.raises(DatasetError, match='no list of images at .*missing.txt'):
        build(image_list='missing.txt')
    with pytest.raises(DatasetError, match=r"list\.txt:2: 'picture' is no image name"):
        build(names[0], 'picture')
    with pytest.raises(DatasetError, match='1 of 2 images .* such as 5'):
        build(names[0], 'COCO_train2014_000000000005.jpg')
