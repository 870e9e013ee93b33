"""Lets MkDocs read the roles of docstrings, such as ``:class:`~wwt_mm.SlotMasks```.

They are written for Sphinx, which editors understand too. Names that the reference has
become links to it, the others code. ``::`` before code becomes ``:``.
"""

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r':(?:class|data|exc|file|func|meth|mod|attr):`(~?)([^`]+)`')

_CODE_FOLLOWS = re.compile(r'::(?=\n\n)')


class Roles(Extension):
    """Rewrites the roles of every docstring that is loaded."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            text = _CODE_FOLLOWS.sub(':', obj.docstring.value)
            obj.docstring.value = _ROLE.sub(_to_link, text)


def _to_link(role: re.Match) -> str:
    is_short, name = role.groups()
    shown = name.rpartition('.')[2] if is_short else name
    if not name.startswith('wwt_mm.'):
        return f'`{shown}`'
    # Optional: some names are of modules that the reference leaves out.
    return f'<autoref optional identifier="{name}"><code>{shown}</code></autoref>'
