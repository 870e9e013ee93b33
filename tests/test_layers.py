"""What may import what: lower layers know nothing of higher ones."""

import ast

import pytest
from tool_process import REPOSITORY

#: From the lowest up; those of one line know nothing of each other.
LAYERS = [
    {'errors', 'version', 'weights'},
    {'requirements'},
    {'portable_ops'},
    {'compat'},
    {'backbone', 'guards'},
    {'neck', 'structures', 'datasets', 'engine'},
    {'classification', 'detection', 'query_vit', 'visualization'},
    {'segmentation'},
    {'discovery'},
    {'object_centric'},
    {'deployment', 'inference', 'timm_models'},
]
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}
PACKAGE = REPOSITORY / 'wwt_mm'


def imported(path):
    """Full names of the modules that a file imports, in functions too."""
    *parents, _ = path.relative_to(REPOSITORY).with_suffix('').parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            base = '.'.join([*base, *([node.module] if node.module else [])])
            yield base
            yield from (f'{base}.{alias.name}' for alias in node.names)


def parts_of_ours(path):
    """Packages and modules just below wwt_mm that a file imports."""
    names = [name.split('.') for name in imported(path)]
    return {name[1] for name in names if name[0] == 'wwt_mm' and len(name) > 1}


@pytest.mark.parametrize('name', sorted(LEVELS))
def test_a_part_imports_lower_ones_only(name):
    folder = PACKAGE / name
    files = folder.rglob('*.py') if folder.is_dir() else [folder.with_suffix('.py')]
    lower = {other for other in LEVELS if LEVELS[other] < LEVELS[name]}
    for path in files:
        assert parts_of_ours(path) & LEVELS.keys() <= lower | {name}, path


def test_every_part_has_a_layer():
    there = {path.stem for path in PACKAGE.glob('*.py')} - {'__init__'}
    there |= {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    assert there == LEVELS.keys()


def test_guards_know_nothing_of_ours_but_errors():
    for path in (PACKAGE / 'guards').glob('*.py'):
        assert parts_of_ours(path) <= {'errors', 'guards'}


def test_the_package_knows_nothing_of_the_reproduction():
    for path in PACKAGE.rglob('*.py'):
        assert not any(name.startswith('reproduction') for name in imported(path))


def test_no_module_comes_back_to_itself():
    modules = {
        '.'.join(path.relative_to(REPOSITORY).with_suffix('').parts): path
        for path in PACKAGE.rglob('*.py')
        if path.name != '__init__.py'
    }
    needs = {name: set(imported(path)) & set(modules) for name, path in modules.items()}
    while leaves := [name for name, needed in needs.items() if not needed]:
        for leaf in leaves:
            del needs[leaf]
        needs = {name: needed - set(leaves) for name, needed in needs.items()}
    assert not needs, f'these import each other: {sorted(needs)}'
