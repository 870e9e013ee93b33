"""What wwt_mm needs from other packages, and the checks that say so in one line.

The version ranges stand here and nowhere else; setup.py reads them from this file. The
exact versions that were tested stand in constraints.txt. setup.py runs this file by
itself on a bare machine, so at its top it imports the standard library only.
"""

import sys
from importlib import metadata
from importlib.util import find_spec
from typing import NamedTuple


class Requirement(NamedTuple):
    """A package that wwt_mm needs.

    Attributes:
        module: The name it is imported by.
        versions: The versions that suit, as a PEP 440 specifier.
        distributions: The names it may be installed under, the one wwt_mm installs
            first. The maintained OneDL releases and upstream share import names.
        extra: The extra of wwt-mm that installs it; None if wwt-mm always does.
    """

    module: str
    versions: str
    distributions: tuple[str, ...]
    extra: str | None = None

    @property
    def specifier(self) -> str:
        """str: The requirement as pip takes it, like ``onedl-mmcv>=2.0,<2.4``."""
        return f'{self.distributions[0]}{self.versions}'


REQUIREMENTS = {
    requirement.module: requirement
    for requirement in (
        Requirement('torch', '>=2.4,<3', ('torch',)),
        Requirement('mmengine', '>=0.10.4,<1', ('onedl-mmengine', 'mmengine')),
        Requirement('mmcv', '>=2.0.1,<2.4', ('onedl-mmcv', 'mmcv', 'mmcv-lite')),
        Requirement(
            'mmpretrain', '>=1.2,<2', ('onedl-mmpretrain', 'mmpretrain'), 'cls'
        ),
        Requirement('mmdet', '>=3.2,<4', ('onedl-mmdetection', 'mmdet'), 'det'),
        Requirement(
            'mmseg', '>=1.2,<2', ('onedl-mmsegmentation', 'mmsegmentation'), 'seg'
        ),
    )
}

# Without --no-cache-dir pip would take the wheel that it built without ops earlier.
COMPILE_OPS_COMMAND = (
    'pip install ninja psutil "setuptools>=77,<82" && MMCV_WITH_OPS=1 pip install '
    '--no-build-isolation --no-cache-dir --no-deps --force-reinstall onedl-mmcv'
)


def require(*modules: str) -> None:
    """Checks that packages are installed, in versions that wwt_mm works with.

    Reads the packages' metadata and imports none of them. A package that was put on
    the path without metadata is taken as it is.

    Args:
        modules: Import names, keys of :data:`REQUIREMENTS`.

    Raises:
        MissingPackageError: If one is absent or out of range. The message, one line,
            names the calling module, the package, the version found and wanted, and
            what to run.
    """
    part = sys._getframe(1).f_globals['__name__']
    for module in modules:
        _check(REQUIREMENTS[module], part)


def installed_version(requirement: Requirement) -> str | None:
    """Returns the installed version of a package, or None if it has no metadata."""
    for distribution in requirement.distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def _check(requirement: Requirement, part: str) -> None:
    from packaging.specifiers import SpecifierSet

    from .errors import MissingPackageError

    wanted = f'{requirement.module}{requirement.versions}'
    if find_spec(requirement.module) is None:
        command = _install_command(requirement)
        raise MissingPackageError(
            f'{part} needs {wanted}, which is not installed. Install it with {command}'
        )
    version = installed_version(requirement)
    # The local part, as in 2.11.0+cpu, plays no role in ranges; nightlies may.
    allowed = SpecifierSet(requirement.versions, prereleases=True)
    if version is not None and version not in allowed:
        raise MissingPackageError(
            f'{part} needs {wanted}, but {requirement.module} {version} is '
            f'installed. Replace it with `pip install "{requirement.specifier}"`'
        )


def _install_command(requirement: Requirement) -> str:
    direct = f'`pip install "{requirement.specifier}"`'
    if requirement.extra is None:
        return direct
    return f'`pip install "wwt-mm[{requirement.extra}]"`, or {direct}'
