"""Whatever files hold, parsers that are ours end in a result or in an error of ours.

The number of examples is set by WWT_FUZZ, for each parser:

    WWT_FUZZ=5000 python -m pytest tests/faults/test_fuzz.py
"""

import io
import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from reproduction.results import ResultStore
from reproduction.run import RunKey
from reproduction.scenes import write_voc
from wwt_mm.errors import WWTError
from wwt_mm.guards.json_file import read_json
from wwt_mm.guards.voc_check import check_annotation, read_list
from wwt_mm.inference.outputs import OutputFolder
from wwt_mm.segmentation.loading import LoadSegMap

fuzz = settings(
    max_examples=int(os.environ.get('WWT_FUZZ', 60)),
    deadline=None,
    derandomize='WWT_FUZZ' not in os.environ,  # the suite: the same each time
    suppress_health_check=list(HealthCheck),
    database=None,
)
CLASSES = ('star', 'ring')
# Numbers as people and programs write them, and what is none.
NUMBERS = st.one_of(
    st.integers(-3, 70).map(str),
    st.floats().map(str),
    st.sampled_from(['', ' 7 ', '1e400', '٣', '1_0', '--1', '0x9', '\n']),
    st.text(max_size=4).filter(lambda text: not set(text) & set('<>&')),
)


@st.composite
def annotations(draw):
    """Files that look like VOC's, with parts missing, doubled or wrong."""

    def element(name, content):
        times = draw(st.sampled_from([1, 1, 1, 1, 0, 2]))
        return f'<{name}>{content}</{name}>' * times

    size = ''.join(element(side, draw(NUMBERS)) for side in ('width', 'height'))
    objects = ''
    for _ in range(draw(st.integers(0, 3))):
        sides = [element(n, draw(NUMBERS)) for n in ('xmin', 'ymin', 'xmax', 'ymax')]
        name = draw(st.sampled_from([*CLASSES, 'dog', '', 's\ntar', '\u2028']))
        parts = element('name', name) + element('bndbox', ''.join(sides))
        parts += element('difficult', draw(NUMBERS))
        objects += element('object', parts)
    return element('annotation', element('size', size) + objects).encode()


@st.composite
def damaged(draw, contents):
    """Whole files, files cut off, and files with some bytes exchanged."""
    content = bytearray(draw(contents))
    for _ in range(draw(st.integers(0, 3))):
        if content:
            place = draw(st.integers(0, len(content) - 1))
            content[place] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))] or content)


@st.composite
def pictures(draw):
    """Small images of every mode that PNG has, and of other formats."""
    mode = draw(st.sampled_from(['RGB', 'RGBA', 'L', 'LA', 'P', '1', 'I;16', 'I']))
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    image = Image.new(mode, size, draw(st.integers(0, 255)))
    if mode == 'RGB':
        pixels = draw(st.binary(min_size=75, max_size=75))
        pixels = np.frombuffer(pixels, np.uint8)[: size[0] * size[1] * 3]
        image = Image.fromarray(pixels.reshape(size[1], size[0], 3).copy())
    file = io.BytesIO()
    image.save(file, 'TIFF' if draw(st.integers(0, 9)) == 0 else 'PNG')
    return file.getvalue()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                'config options seeds 0 one run seed fingerprint finished generator '
                'scene images'.split()
            ),
            part,
            max_size=5,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())
RUNS = st.builds(
    lambda seeds: json.dumps(dict(config='c', options=[], seeds=seeds)).encode(),
    st.one_of(
        st.dictionaries(st.sampled_from(['0', '1', 'x']), st.integers() | st.none()),
        st.lists(st.integers()),
        st.none(),
    ),
)
RESULTS = st.binary(max_size=40) | damaged(JSON) | RUNS


@pytest.fixture
def write(tmp_path):
    def run(content, name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return run


def accept(function, *arguments):
    """Calls a parser; errors of ours must be one line, others are not caught."""
    try:
        return function(*arguments)
    except WWTError as error:
        assert len(str(error).splitlines()) == 1
        return None


@fuzz
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_list_of_images_is_read_or_refused(content, write):
    names = accept(read_list, write(content, 'list.txt'))
    assert names is None or all(name.strip() for name in names)


@fuzz
@given(content=st.binary(max_size=60) | annotations() | damaged(annotations()))
def test_any_annotation_is_good_or_refused(content, write):
    accept(check_annotation, write(content, 'a.xml'), CLASSES)


@fuzz
@given(
    content=st.binary(max_size=60) | damaged(pictures()) | pictures(),
    encoding=st.sampled_from(['index', 'rgb_id']),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)) | st.none(),
)
def test_any_label_map_is_read_or_refused(content, encoding, size, write):
    load = LoadSegMap(9, 1000 if encoding == 'rgb_id' else 255, encoding)
    results = dict(seg_map_path=str(write(content, 'a.png')), seg_fields=[])
    if size is not None:
        results['ori_shape'] = size
    loaded = accept(load, results)
    if loaded is not None:
        labels = loaded['gt_seg_map']
        assert ((labels < 9) | (labels == load.ignore_index)).all()
        assert labels.min() >= 0


@fuzz
@given(content=RESULTS)
def test_any_file_of_results_is_read_or_refused(content, write, tmp_path):
    accept(read_json, write(content, 'a.json'), dict, ('config',))
    write(content, 'seed0/a/result.json')
    accept(ResultStore(tmp_path).read, RunKey('a', 0))


@fuzz
@given(content=RESULTS)
def test_any_mark_of_an_earlier_run_is_read_or_refused(content, write, tmp_path):
    write(content, '.slots_model.json')
    accept(OutputFolder, tmp_path, dict(config='c'))
    write(content, 'VOC2007/scenes.json')
    accept(write_voc, tmp_path)


def test_deep_brackets_and_long_numbers_are_refused(write):
    for content in (b'[' * 200_000, b'9' * 10_000):
        with pytest.raises(WWTError):
            read_json(write(content, 'a.json'), dict)


def test_entities_that_multiply_are_refused(write):
    lines = ['<!ENTITY a0 "aaaaaaaaaa">']
    lines += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10)]
    text = f'<!DOCTYPE x [{"".join(lines)}]><annotation>&a9;</annotation>'
    with pytest.raises(WWTError, match='no well-formed XML'):
        check_annotation(write(text.encode(), 'a.xml'), CLASSES)
