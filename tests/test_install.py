"""One command installs, once; an interrupted installation is done again."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
COMMANDS = ['bash', 'cat', 'cksum', 'cp', 'dirname', 'mkdir', 'mv', 'rm', 'touch']

# Stands in for Python, virtual environments and pip: notes what it is asked to do, and
# does the little of it that the installer can see.
FAKE_PYTHON = """#!/usr/bin/env bash
case "$*" in
    --version) echo 'Python 3.11.7' ;;
    -c*) exec {python} -S "$@" ;;
    '-m venv'*)
        mkdir -p .venv/bin
        cp {folder}/python3 .venv/bin/python
        cp {folder}/python3 .venv/bin/pip
        echo venv >>{folder}/log ;;
    *--editable*) echo "install $*" >>{folder}/log; [[ ! -e {folder}/broken ]] ;;
    *onedl-mmcv*)
        [[ $MMCV_WITH_OPS == 1 ]] && echo compile >>{folder}/log
        mkdir -p .venv/lib/python3.11/site-packages/mmcv
        touch .venv/lib/python3.11/site-packages/mmcv/_ext.so ;;
esac
"""


def pins():
    lines = (ROOT / 'constraints.txt').read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith('#')]
    return {canonicalize_name(r.name): r for r in requirements}


@pytest.fixture(scope='module')
def distribution(tmp_path_factory):
    """The metadata that setup.py gives, without touching the checkout."""
    folder = tmp_path_factory.mktemp('egg_info')
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'egg_info', '--egg-base', folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return metadata.Distribution.at(folder / 'wwt_mm.egg-info')


def test_every_requirement_is_pinned_within_its_range(distribution):
    pinned = pins()
    for text in distribution.requires:
        requirement = Requirement(text)
        version = str(pinned[canonicalize_name(requirement.name)].specifier)[2:]
        assert requirement.specifier.contains(version), requirement


def test_pins_are_exact():
    for requirement in pins().values():
        assert [s.operator for s in requirement.specifier] == ['=='], requirement


def test_each_library_has_an_extra_and_all_has_them_all(distribution):
    extras = {}
    for text in distribution.requires:
        requirement = Requirement(text)
        for extra in ('cls', 'det', 'seg', 'all', 'dev'):
            if requirement.marker and requirement.marker.evaluate({'extra': extra}):
                extras.setdefault(extra, set()).add(requirement.name)
    assert extras['cls'] == {'onedl-mmpretrain'}
    assert extras['det'] == {'onedl-mmdetection'}
    assert extras['seg'] == {'onedl-mmsegmentation'}
    assert extras['all'] == extras['cls'] | extras['det'] | extras['seg']
    assert 'pytest' in extras['dev']


@pytest.mark.parametrize(
    'name',
    ['torch', 'torchvision', 'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection'],
)
def test_the_tests_run_with_the_pinned_versions(name):
    assert metadata.version(name) in pins()[name].specifier


class Checkout:
    """A checkout on a machine with nothing but the fake Python."""

    def __init__(self, folder):
        self.root, self.machine = folder / 'checkout', folder / 'bin'
        for name in ('tools', 'wwt_mm'):
            (self.root / name).mkdir(parents=True)
        for name in ('setup.py', 'pyproject.toml', 'constraints.txt'):
            shutil.copy(ROOT / name, self.root)
        for name in ('requirements.py', 'version.py'):
            shutil.copy(ROOT / 'wwt_mm' / name, self.root / 'wwt_mm')
        shutil.copy(ROOT / 'tools' / 'install.sh', self.root / 'tools')
        self.machine.mkdir()
        for name in COMMANDS:
            (self.machine / name).symlink_to(shutil.which(name))
        self.add_command(
            'python3', FAKE_PYTHON.format(folder=self.machine, python=sys.executable)
        )

    def add_command(self, name, text):
        (self.machine / name).write_text(text)
        (self.machine / name).chmod(0o755)

    def install(self, **variables):
        """Runs the installer; returns its status, its last error and what it did."""
        log = self.machine / 'log'
        log.unlink(missing_ok=True)
        result = subprocess.run(
            ['tools/install.sh'],
            cwd=self.root,
            env={'PATH': str(self.machine), 'INSTALLER': 'pip', **variables},
            capture_output=True,
            text=True,
        )
        done = log.read_text().splitlines() if log.exists() else []
        return result.returncode, result.stderr, [line.split()[0] for line in done]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_a_second_run_installs_nothing(checkout):
    assert checkout.install() == (0, '', ['venv', 'install'])
    assert checkout.install() == (0, '', [])


@pytest.mark.parametrize('name', ['setup.py', 'constraints.txt'])
def test_a_change_of_what_is_needed_installs_into_the_same_environment(checkout, name):
    checkout.install()
    with (checkout.root / name).open('a') as file:
        file.write('# changed\n')
    assert checkout.install() == (0, '', ['install'])
    assert checkout.install() == (0, '', [])


def test_an_interrupted_installation_is_done_again(checkout):
    (checkout.machine / 'broken').touch()
    status, _, done = checkout.install()
    assert status != 0 and done == ['venv', 'install']
    (checkout.machine / 'broken').unlink()
    assert checkout.install() == (0, '', ['install'])


def test_an_environment_whose_creation_was_interrupted_is_made_anew(checkout):
    checkout.install()
    (checkout.root / '.venv' / '.wwt_mm').unlink()
    (checkout.root / '.venv' / 'bin' / 'pip').unlink()
    assert checkout.install() == (0, '', ['venv', 'install'])


def test_ops_are_compiled_on_request_and_once(checkout):
    checkout.add_command('c++', '#!/usr/bin/env bash\n')
    assert checkout.install()[2] == ['venv', 'install']
    assert checkout.install(WITH_OPS='1')[2] == ['install', 'compile']
    assert checkout.install(WITH_OPS='1')[2] == []
    assert checkout.install()[2] == []


def test_ops_without_a_compiler_fail_in_one_line(checkout):
    status, error, done = checkout.install(WITH_OPS='1')
    assert status == 1
    assert error.startswith('install: WITH_OPS=1 needs a C++ compiler')
    assert error.count('\n') == 1
    assert 'compile' not in done


def test_an_unsuitable_python_fails_in_one_line(checkout):
    checkout.add_command('python3.6', '#!/usr/bin/env bash\nexit 1\n')
    status, error, done = checkout.install(PYTHON='python3.6')
    assert status == 1 and done == []
    assert error == (
        'install: PYTHON=python3.6 is not a Python 3.10, 3.11 or 3.12; '
        'name one that is\n'
    )


def test_no_suitable_python_fails_in_one_line(checkout):
    (checkout.machine / 'python3').unlink()
    status, error, _ = checkout.install()
    assert status == 1
    assert error.startswith('install: found no Python 3.10, 3.11 or 3.12')
    assert error.count('\n') == 1


def test_make_alone_explains_every_target():
    output = subprocess.check_output(['make', '-C', ROOT], text=True)
    for target in (
        'install',
        'test',
        'demo',
        'reproduce',
        'lint',
        'format',
        'docs',
        'clean',
    ):
        assert f'  make {target} ' in output


def test_ci_runs_the_command_of_the_readme():
    script = ROOT / '.ci' / 'run'
    assert os.access(script, os.X_OK)
    assert 'make test' in script.read_text()
