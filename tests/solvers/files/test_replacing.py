"""Files replaced whole, by several writers too; places where nothing can be written; what killed writers left."""

import os
import subprocess
import sys
import threading

import pytest

from infwidth.solvers.files import replacing as module
from infwidth.solvers.files.replacing import check_folder, check_writable, remove_leftovers, replacing


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "new folder" / "file"
    for content in (b"one", b"two"):
        with replacing(path) as file:
            file.write(content[:2])
            assert not path.exists() or path.read_bytes() == b"one"
            file.write(content[2:])
        assert path.read_bytes() == content
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]


def test_writers_side_by_side_do_not_meet(tmp_path):
    with replacing(tmp_path / "file") as one, replacing(tmp_path / "file") as two:
        one.write(b"1" * 1000)
        two.write(b"2" * 1000)
        assert one.name != two.name
    assert (tmp_path / "file").read_bytes() == b"1" * 1000  # renamed last

    def write(mark):
        for _ in range(50):
            with replacing(tmp_path / "file") as file:
                file.write(mark * 5000)

    threads = [threading.Thread(target=write, args=(mark,)) for mark in (b"1", b"2", b"3")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(set((tmp_path / "file").read_bytes())) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_stays_a_link(tmp_path):
    """As of a folder of results on another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "file")
    assert check_writable("checkpoint", tmp_path / "link") == tmp_path / "link"
    with replacing(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").is_symlink() and os.listdir(tmp_path / "disk") == ["file"]
    assert sorted(os.listdir(tmp_path)) == ["disk", "link"]


def test_the_longest_name_that_a_disk_takes(tmp_path):
    with replacing(tmp_path / ("a" * 255)) as file:
        file.write(b"x")
    assert len(os.listdir(tmp_path)[0]) == 255


def test_places_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, words in (
        (tmp_path, "is a folder"),
        ("/dev/null", "is no file but a device or a pipe"),
        (tmp_path / "loop", "symbolic links"),
        (tmp_path / "file" / "run", "nothing can be written there"),
        (tmp_path / ("a" * 256), "nothing can be written there"),
        ("nul\0", "nul|null"),
    ):
        with pytest.raises(ValueError, match=words):
            check_writable("checkpoint", path)
    for path in (b"bytes", 3, "", str):
        with pytest.raises(TypeError, match=r"^checkpoint: need a file name or a path"):
            check_writable("checkpoint", path)
    with pytest.raises(ValueError, match=r"^resume: .* is a file, not a folder"):
        check_folder("resume", tmp_path / "file")
    assert check_folder("resume", tmp_path / "new") == tmp_path / "new"
    assert (tmp_path / "new").is_dir()


def test_leftovers_of_the_dead_are_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        who: f"{module._prefix()}{process}-abc.tmp" for who, process in {"dead": dead.pid, "alive": os.getpid(), "fresh": dead.pid}.items()
    }
    names["fresh"] = names["fresh"].replace("abc", "def")
    names["foreign"] = f".infwidth-00000000-{dead.pid}-abc.tmp"
    for who, name in names.items():
        (tmp_path / name).touch()
        if who != "fresh":
            os.utime(tmp_path / name, (0, 0))
    remove_leftovers(tmp_path)
    assert set(os.listdir(tmp_path)) == set(names.values()) - {names["dead"]}
