"""The demo's page: what was done, what was measured, and pictures. One file."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader


@dataclass(frozen=True)
class Step:
    """A run, as the page tells of it.

    Attributes:
        title: What it did.
        command: How to do it again.
        seconds: How long it took.
        results: What it measured: name and value, for display.
    """

    title: str
    command: str
    seconds: float
    results: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture with a caption.

    Attributes:
        title: Above it.
        caption: Below it.
        uri: The picture itself, as a data URI.
    """

    title: str
    caption: str
    uri: str

    @classmethod
    def read(cls, title: str, caption: str, path: Path) -> 'Picture':
        """A picture from a PNG file."""
        data = base64.b64encode(path.read_bytes()).decode()
        return cls(title, caption, f'data:image/png;base64,{data}')


def render_page(
    steps: Sequence[Step], pictures: Sequence[Picture], result: dict[str, Any]
) -> str:
    """The page, as HTML that needs no other file.

    Args:
        steps: What was done, in order.
        pictures: What came of it.
        result: A result of the harness, for machine and versions.
    """
    environment = Environment(
        loader=PackageLoader('reproduction.demo', ''),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template('page.html.jinja')
    minutes = sum(step.seconds for step in steps) / 60
    return template.render(
        steps=steps, pictures=pictures, result=result, minutes=minutes
    )
