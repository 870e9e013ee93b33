"""Fuzzes the parsers that are ours, guided by the code that inputs reach.

    python -m pip install atheris
    python tests/faults/fuzz_with_atheris.py annotation -runs=100000

Arguments behind the parser's name are libFuzzer's. It starts from a good file and ends
with the first input that leads to an error that is not ours or has several lines.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import atheris
from PIL import Image

with atheris.instrument_imports(include=['wwt_mm']):
    from reproduction.results import ResultStore
    from reproduction.run import RunKey
    from wwt_mm.errors import WWTError
    from wwt_mm.guards.json_file import read_json
    from wwt_mm.guards.voc_check import check_annotation, read_list
    from wwt_mm.segmentation.loading import LoadSegMap


def _load_label_map(path: Path, encoding: str, ignored: int) -> None:
    LoadSegMap(9, ignored, encoding)(dict(seg_map_path=str(path), seg_fields=[]))


def _result(path: Path) -> None:
    assert ResultStore(path.parents[2]).read(RunKey('a', 0)) is not None


def _draw_labels(mode: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (2, 2), 3).save(file, 'PNG')
    return file.getvalue()


_BOX = b'<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>'
_ANNOTATION = (
    b'<annotation><size><width>20</width><height>20</height></size><object><name>star'
    b'</name><difficult>0</difficult><bndbox>%b</bndbox></object></annotation>' % _BOX
)


class Parser(NamedTuple):
    """A parser: the name of the file that it reads, a good one, and what reads it."""

    file: str
    example: bytes
    read: Callable[[Path], object]


PARSERS = {
    'annotation': Parser(
        'a.xml', _ANNOTATION, lambda path: check_annotation(path, ('star', 'ring'))
    ),
    'list': Parser('list.txt', b'0000001\n0000002  1\n', read_list),
    'label-map': Parser(
        'a.png', _draw_labels('L'), lambda path: _load_label_map(path, 'index', 255)
    ),
    'rgb-label-map': Parser(
        'a.png', _draw_labels('RGB'), lambda path: _load_label_map(path, 'rgb_id', 1000)
    ),
    'json': Parser(
        'a.json', b'{"config": "c"}', lambda path: read_json(path, dict, ('config',))
    ),
    'result': Parser(
        'seed0/a/result.json',
        b'{"run": "a", "seed": 0, "fingerprint": "f", "finished": true, "metrics": {}}',
        _result,
    ),
}


def main() -> None:
    """Fuzz the parser that is named first."""
    if len(sys.argv) < 2 or sys.argv[1] not in PARSERS:
        sys.exit(f'{__doc__}\nParsers: {", ".join(PARSERS)}')
    parser = PARSERS[sys.argv.pop(1)]
    with tempfile.TemporaryDirectory() as folder:
        path, corpus = Path(folder, parser.file), Path(folder, 'corpus')
        for file in (path, corpus / 'example'):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(parser.example)
        parser.read(path)  # good indeed

        def try_input(content: bytes) -> None:
            path.write_bytes(content)
            try:
                parser.read(path)
            except WWTError as error:
                assert len(str(error).splitlines()) == 1, error

        artifacts = f'-artifact_prefix={tempfile.gettempdir()}/'
        atheris.Setup([sys.argv[0], artifacts, *sys.argv[1:], str(corpus)], try_input)
        atheris.Fuzz()


if __name__ == '__main__':
    main()
