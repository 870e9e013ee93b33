import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from reproduction.scenes import SCENE_CLASSES, SceneConfig, render_scene
from reproduction.scenes.generator import Sprite, arrange, measure
from reproduction.scenes.shapes import CLASS_HUES, outline, rasterise
from reproduction.scenes.textures import PATTERNS, background
from wwt_mm.errors import ConfigError

CROWDED = SceneConfig(min_objects=3, max_objects=6, max_occlusion=0.6)

configs = st.builds(
    SceneConfig,
    height=st.integers(32, 90),
    width=st.integers(32, 90),
    max_objects=st.integers(1, 6),
    max_occlusion=st.floats(0, 0.9),
    max_truncation=st.floats(0, 0.9),
    seed=st.integers(0, 2**63),
)


def assert_equal_scenes(one, other):
    for name, a, b in zip(one._fields, one, other, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@settings(max_examples=60, deadline=None)
@given(config=configs, index=st.integers(0, 2**40))
def test_boxes_are_tight_around_the_visible_pixels_of_each_object(config, index):
    scene = render_scene(config, index)
    assert len(scene.boxes) == len(scene.labels) == scene.instances.max()
    for i, box in enumerate(scene.boxes):
        y, x = np.nonzero(scene.instances == i + 1)
        assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]


@settings(max_examples=30, deadline=None)
@given(config=configs, index=st.integers(0, 2**40))
def test_maps_image_and_labels_agree(config, index):
    scene = render_scene(config, index)
    size = (config.height, config.width)
    assert scene.image.shape == (*size, 3)
    assert scene.semantic.shape == scene.instances.shape == size
    for array in (scene.image, scene.semantic, scene.instances):
        assert array.dtype == np.uint8
    expected = np.zeros(size, np.uint8)
    for i, label in enumerate(scene.labels):
        expected[scene.instances == i + 1] = label + 1
    np.testing.assert_array_equal(scene.semantic, expected)
    assert config.min_objects <= len(scene.labels) <= config.max_objects


def test_a_scene_depends_on_seed_and_index_only():
    scenes = [render_scene(CROWDED, index) for index in range(4)]
    for index in (2, 0, 3, 1):
        assert_equal_scenes(render_scene(CROWDED, index), scenes[index])
    other = render_scene(SceneConfig(seed=1), 0).image
    assert (other != render_scene(SceneConfig(seed=0), 0).image).mean() > 0.9
    assert (scenes[0].image != scenes[1].image).mean() > 0.9


@pytest.mark.parametrize('index', range(5))
def test_later_objects_hide_earlier_ones_and_not_more_than_allowed(index):
    config = CROWDED
    sprites, instances = arrange(np.random.default_rng(index), config, None, index)
    whole = []
    for sprite in sprites:
        canvas = np.zeros(instances.shape, bool)
        for y, x in np.argwhere(sprite.coverage >= 128) + (sprite.top, sprite.left):
            if 0 <= y < config.height and 0 <= x < config.width:
                canvas[y, x] = True
        whole.append(canvas)
    front = np.zeros_like(instances)
    for i, mask in enumerate(whole):
        front[mask] = i + 1
    np.testing.assert_array_equal(instances, front)
    for i, (sprite, mask) in enumerate(zip(sprites, whole, strict=True)):
        assert (instances == i + 1).sum() >= (1 - config.max_occlusion) * mask.sum()
        assert (
            mask.sum() >= (1 - config.max_truncation) * (sprite.coverage >= 128).sum()
        )


def test_crowded_scenes_do_have_occluded_and_truncated_objects():
    scenes = [render_scene(CROWDED, index) for index in range(20)]
    assert any(scene.occluded.any() for scene in scenes)
    assert any(scene.truncated.any() for scene in scenes)


def test_without_occlusion_and_truncation_every_object_is_whole():
    config = SceneConfig(max_objects=5, max_occlusion=0, max_truncation=0, max_size=1)
    for index in range(20):
        scene = render_scene(config, index)
        for flag in (scene.truncated, scene.occluded, scene.difficult):
            assert not flag.any()


def square(label, left, top, side=10):
    return Sprite(label, np.full((side, side), 255, np.uint8), left, top)


@pytest.mark.parametrize(
    'front, flags',
    [
        # (truncated, occluded, difficult) of a 10 x 10 square at (5, 5), front at:
        ((30, 30), (False, False, False)),
        ((14, 5), (False, False, False)),  # box shrinks by 10%
        ((12, 5), (True, False, False)),  # box shrinks by 30%: nothing hidden in it
        ((12, 12), (False, True, False)),  # 9% hidden in a corner, box stays
        ((13, 13), (False, False, False)),  # 4% hidden
        ((8, 5), (True, False, True)),  # 70% hidden
        ((8, 6), (False, True, True)),  # 63% hidden, the box stays
    ],
)
def test_flags_of_a_square_behind_another_square(front, flags):
    instances = np.zeros((40, 40), np.uint8)
    instances[5:15, 5:15] = 1
    instances[front[1] : front[1] + 10, front[0] : front[0] + 10] = 2
    _, measured = measure([square(0, 5, 5), square(1, *front)], instances)
    assert tuple(measured[:, 0]) == flags
    assert not measured[:, 1].any()


@pytest.mark.parametrize(
    'left, flags',
    [
        (-1, (False, False, False)),
        (-2, (True, False, False)),
        (-6, (True, False, True)),
    ],
)
def test_flags_of_a_square_beyond_the_border(left, flags):
    instances = np.zeros((40, 40), np.uint8)
    instances[5:15, : left + 10] = 1
    boxes, measured = measure([square(0, left, 5)], instances)
    assert boxes.tolist() == [[0, 5, left + 10, 15]]
    assert tuple(measured[:, 0]) == flags


@pytest.mark.parametrize('label', range(len(SCENE_CLASSES)))
def test_rasterised_area_is_the_outlines_area(label):
    contours = [40 * points + 50.3 for points in outline(label)]
    area = 0.0
    for sign, points in zip((1, -1), contours, strict=False):  # second one is a hole
        x, y = points.T
        area += sign * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    coverage, _ = rasterise(contours)
    assert coverage.sum() / 255 == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize('label', range(len(SCENE_CLASSES)))
def test_rasterised_mask_is_where_skimage_draws_the_outline(label):
    contours = [40 * points + 50.3 for points in outline(label)]
    coverage, (left, top) = rasterise(contours)
    drawn = np.zeros((100, 100), np.uint8)
    height, width = coverage.shape
    drawn[top : top + height, left : left + width] = coverage
    expected = np.zeros((100, 100), bool)
    for points in contours:  # skimage tests rows and columns of pixel centres
        expected ^= polygon2mask((100, 100), points[:, ::-1] - 0.5)
    differs = (drawn >= 128) != expected
    # Only pixels that the edge cuts about in half may fall on either side.
    assert ((drawn[differs] > 255 * 0.15) & (drawn[differs] < 255 * 0.85)).all()
    assert differs.sum() < 0.05 * expected.sum()


def test_outlines_lie_in_the_unit_circle_and_fill_most_of_its_diameter():
    for label in range(len(SCENE_CLASSES)):
        radii = np.linalg.norm(np.concatenate(outline(label)), axis=1)
        assert 0.9 < radii.max() < 1.02


def test_colours_of_a_class_stay_in_its_family():
    config = SceneConfig(max_objects=1, min_size=0.4, hue_jitter=20)
    for index in range(40):
        scene = render_scene(config, index)
        r, g, b = np.median(scene.image[scene.instances == 1], axis=0) / 255
        hue = colorsys.rgb_to_hsv(r, g, b)[0]
        distance = abs((hue - CLASS_HUES[scene.labels[0]] + 0.5) % 1 - 0.5) * 360
        assert distance < 20 + 10  # sensor noise shifts dark colours


def test_single_class_scenes_have_one_label_and_smaller_distractors_behind():
    config = SceneConfig(
        max_objects=2, single_class=True, distractors=3, max_truncation=0, min_size=0.3
    )
    seen_distractors = 0
    for index in range(40):
        scene = render_scene(config, index)
        assert scene.image_label == index % len(SCENE_CLASSES)
        main = scene.labels == scene.image_label
        assert 1 <= main.sum() <= 2
        assert main[(~main).sum() :].all()  # the others come first
        extent = (scene.boxes[:, 2:] - scene.boxes[:, :2]).max(1)
        assert (extent[~main] <= 0.3 * 128 + 2).all()
        seen_distractors += (~main).sum()
    assert seen_distractors > 20


def test_all_classes_and_all_numbers_of_objects_occur():
    scenes = [render_scene(SceneConfig(height=32, width=32, min_size=0.3), i)
              for i in range(100)]  # fmt: skip
    assert {len(scene.labels) for scene in scenes} == {1, 2, 3, 4}
    assert set(np.concatenate([scene.labels for scene in scenes])) == set(range(10))


@pytest.mark.parametrize('kind', PATTERNS)
@pytest.mark.parametrize('size', [(1, 1), (7, 40), (64, 48)])
def test_patterns_fill_their_range(kind, size):
    values = PATTERNS[kind](np.random.default_rng(0), *size, max(size))
    assert values.shape == size and values.dtype == np.float32
    assert 0 <= values.min() and values.max() <= 1
    if size == (64, 48):
        assert values.max() - values.min() > 0.3


def test_backgrounds_share_the_objects_hues():
    hues = []
    for seed in range(100):
        canvas = background(np.random.default_rng(seed), 16, 16)
        hues += [
            colorsys.rgb_to_hsv(*map(float, rgb))[0] for rgb in canvas[::8, ::8][0]
        ]
    counts, _ = np.histogram(hues, bins=10, range=(0, 1))
    assert counts.min() > 0


@pytest.mark.parametrize(
    'options, name',
    [
        ({'height': 0}, 'height'),
        ({'width': 15}, 'width'),
        ({'height': 64.0}, 'height'),
        ({'min_objects': 0}, 'min_objects'),
        ({'min_objects': 3, 'max_objects': 2}, 'min_objects'),
        ({'min_size': 0.5, 'max_size': 0.4}, 'max_size'),
        ({'max_size': 1.1}, 'max_size'),
        ({'min_size': 0.01}, 'min_size'),
        ({'max_occlusion': 1.0}, 'max_occlusion'),
        ({'max_truncation': -0.1}, 'max_truncation'),
        ({'max_occlusion': float('nan')}, 'max_occlusion'),
        ({'max_occlusion': 'much'}, 'max_occlusion'),
        ({'hue_jitter': 181}, 'hue_jitter'),
        ({'distractors': 1}, 'distractors'),
        ({'seed': -1}, 'seed'),
    ],
)
def test_a_bad_option_is_named_in_one_line(options, name):
    with pytest.raises(ConfigError, match=name) as caught:
        SceneConfig(**options)
    assert '\n' not in str(caught.value)


def test_a_scene_too_crowded_to_lay_out_says_so():
    config = SceneConfig(
        height=32, width=32, min_objects=20, max_objects=20, min_size=0.5,
        max_occlusion=0, max_truncation=0,
    )  # fmt: skip
    with pytest.raises(ConfigError, match='min_objects=20 objects found no place'):
        render_scene(config, 0)
