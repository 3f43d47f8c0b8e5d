"""Archives from elsewhere: refused with a word, nothing executed, no memory filled."""

import io
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from infwidth.solvers.files.archive import read_arrays, write_arrays


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def header(shape, dtype="<f8"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def archive(path, content, compression=zipfile.ZIP_STORED, names=("a.npy",)):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name in names:
            file.writestr(name, content)


def test_arrays_come_back_writable(tmp_path):
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.zeros((0, 2)),
        "d": np.array("x"),
    }
    with open(tmp_path / "x", "wb") as file:
        write_arrays(file, arrays)
    back = read_arrays(tmp_path / "x")
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype
        assert back[name].flags.writeable
    assert back["b"].flags.f_contiguous


@pytest.mark.parametrize("shape", [(10**18,), (10**9,), (2**62, 2**62), (-1,), (0, 10**18), (3, -1), (2,), ()])
def test_claimed_shapes_without_data_are_refused(tmp_path, shape):
    archive(tmp_path / "x", header(shape) + (b"" if 0 not in shape else b"12345678"))
    tracemalloc.start()
    with pytest.raises(ValueError, match="claims the shape"):
        read_arrays(tmp_path / "x")
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_compressed_zeros_are_refused_before_they_are_unpacked(tmp_path):
    archive(tmp_path / "x", header((10**7,)) + bytes(8 * 10**7), zipfile.ZIP_DEFLATED)
    assert os.path.getsize(tmp_path / "x") < 1e6
    tracemalloc.start()
    with pytest.raises(ValueError, match="compressed"):
        read_arrays(tmp_path / "x")
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_parts_that_overlap_are_refused(tmp_path):
    """A hundred entries of the index that name one content: the parts would be a hundred times the file."""
    content = header((1000,)) + bytes(8000)
    archive(tmp_path / "x", content)
    with zipfile.ZipFile(tmp_path / "x", "a") as file:
        member = file.infolist()[0]
        for i in range(100):
            twin = zipfile.ZipInfo(f"b{i}.npy")
            twin.file_size, twin.compress_size, twin.CRC, twin.header_offset = member.file_size, member.compress_size, member.CRC, 0
            file.filelist.append(twin)
        file._didModify = True
    with pytest.raises(ValueError, match="larger than the file"):
        read_arrays(tmp_path / "x")


def test_nothing_is_executed(tmp_path):
    evil = Evil(tmp_path / "executed")
    (tmp_path / "pickle").write_bytes(pickle.dumps(evil))
    np.savez(tmp_path / "npz.npz", a=np.array([evil], object))
    np.save(tmp_path / "npy.npy", np.array([evil], object))
    for name, words in {"pickle": "no archive", "npz.npz": "Python objects, which are not read", "npy.npy": "no archive"}.items():
        with pytest.raises(ValueError, match=words) as refusal:
            read_arrays(tmp_path / name)
        assert "allow_pickle" not in str(refusal.value)
    assert not (tmp_path / "executed").exists()


def test_damage_and_doubles_are_refused(tmp_path):
    with open(tmp_path / "x", "wb") as file:
        write_arrays(file, {"a": np.arange(100.0)})
    whole = (tmp_path / "x").read_bytes()
    at = whole.index(np.float64(50.0).tobytes())
    (tmp_path / "x").write_bytes(whole[:at] + b"\x01" + whole[at + 1 :])
    with pytest.raises(ValueError, match="damaged"):
        read_arrays(tmp_path / "x")
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(tmp_path / "x", header((0,)), names=("a.npy", "a.npy"))
    with pytest.raises(ValueError, match="two parts of one name"):
        read_arrays(tmp_path / "x")
    archive(tmp_path / "x", b"\x93NUMPY\x02\x00")
    with pytest.raises(ValueError, match="another version"):
        read_arrays(tmp_path / "x")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/null"):
        with pytest.raises(ValueError, match=r"^it is a folder, a device or a pipe$"):
            read_arrays(path)
