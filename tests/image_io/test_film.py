"""Films: every picture, in order, for as long as it is to be shown."""

import numpy as np
import pytest
from PIL import Image

from immersion.check import UserError
from immersion.image_io import film
from immersion.image_io.film import write_film

LEVELS = (0, 60, 120, 180, 240)


def pictures(size=(33, 20), mode="L"):
    return [Image.new("L", size, level).convert(mode) for level in LEVELS]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_gif_has_every_picture_and_repeats(mode, tmp_path):
    write_film(pictures(mode=mode), tmp_path / "x.gif", 0.25)
    with Image.open(tmp_path / "x.gif") as read:
        assert (read.size, read.n_frames, read.info["loop"]) == ((33, 20), 5, 0)
        levels, times = [], []
        for number in range(5):
            read.seek(number)
            levels.append(np.asarray(read.convert("L")).mean())
            times.append(read.info["duration"])
    assert levels == pytest.approx(LEVELS, abs=2)
    assert times == [250, 250, 250, 250, 2000]


def test_an_mp4_has_every_picture_and_plays_in_browsers(tmp_path):
    av = pytest.importorskip("av")
    write_film(pictures(), tmp_path / "x.mp4", 0.25)
    with av.open(str(tmp_path / "x.mp4")) as read:
        stream = read.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        levels = [frame.to_ndarray(format="gray").mean() for frame in read.decode(stream)]
        assert (stream.width, stream.height) == (34, 20)  # even sides
        assert float(stream.average_rate) == 4
    assert levels == pytest.approx([*LEVELS, *[240] * 7], abs=4)


def test_a_film_of_one_picture_or_another_format_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="2 or more, received 1"):
        write_film(pictures()[:1], tmp_path / "x.gif", 0.1)
    with pytest.raises(UserError, match=r"\.gif or \.mp4"):
        write_film(pictures(), tmp_path / "x.avi", 0.1)
    monkeypatch.setattr(film, "ENCODER", "no_such_package")
    with pytest.raises(UserError, match=r"pip install '.\[film\]'"):
        write_film(pictures(), tmp_path / "x.mp4", 0.1)
    assert not list(tmp_path.iterdir())
