import errno
import os
import stat

import pytest
from mmengine.fileio import get_file_backend

from wwt_mm.guards.atomic import ATOMIC_BACKEND, remove_unfinished, write_atomically


class PowerCutError(Exception):
    """Stands for a kill, which a test cannot survive."""


def test_a_file_is_written_with_its_folder(tmp_path):
    write_atomically(b'new', tmp_path / 'a' / 'b.pth')
    assert (tmp_path / 'a' / 'b.pth').read_bytes() == b'new'
    assert os.listdir(tmp_path / 'a') == ['b.pth']


@pytest.mark.parametrize('function', ['fsync', 'replace'])
def test_an_interrupted_write_leaves_the_old_file_whole(
    tmp_path, monkeypatch, function
):
    def cut(*args):
        raise PowerCutError

    path = tmp_path / 'b.pth'
    write_atomically(b'old', path)
    with monkeypatch.context() as patch, pytest.raises(PowerCutError):
        patch.setattr(os, function, cut)
        write_atomically(b'new', path)
    assert path.read_bytes() == b'old'
    write_atomically(b'newer', path)
    assert path.read_bytes() == b'newer'
    assert os.listdir(tmp_path) == ['b.pth']


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    steps = []
    replace = os.replace
    monkeypatch.setattr(os, 'fsync', lambda descriptor: steps.append('flush'))
    monkeypatch.setattr(
        os, 'replace', lambda *paths: (steps.append('name'), replace(*paths))
    )
    write_atomically(b'new', tmp_path / 'b.pth')
    assert steps == ['flush', 'name', 'flush']  # the content, then the folder


def test_a_folder_that_refuses_to_be_flushed_is_no_error(tmp_path, monkeypatch):
    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, 'Invalid argument')

    monkeypatch.setattr(os, 'fsync', refuse)
    write_atomically(b'new', tmp_path / 'b.pth')
    assert (tmp_path / 'b.pth').read_bytes() == b'new'


def test_unfinished_files_are_removed_and_others_are_not(tmp_path):
    names = ['epoch_1.pth', '.epoch_2.pth.tmp', '.hidden', 'notes.tmp']
    for name in names:
        (tmp_path / name).touch()
    removed = remove_unfinished(tmp_path)
    assert [file.name for file in removed] == ['.epoch_2.pth.tmp']
    assert sorted(os.listdir(tmp_path)) == ['.hidden', 'epoch_1.pth', 'notes.tmp']


def test_mmengine_finds_the_backend_by_name(tmp_path):
    backend = get_file_backend(backend_args=dict(backend=ATOMIC_BACKEND))
    backend.put(b'bytes', tmp_path / 'b')
    backend.put_text('text', tmp_path / 't')
    assert backend.get(tmp_path / 'b') == b'bytes'
    assert backend.get_text(tmp_path / 't') == 'text'
