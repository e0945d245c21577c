"""Pictures for a trained network: taken as they are, fitted when that is asked for, or refused."""

import numpy as np
import pytest
from PIL import Image

from problems import DataError
from problems.data.picture_inputs import picture_files, read_pictures

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def saved(tmp_path, pixels, name="a.png"):
    Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path / name


def test_as_they_are(tmp_path):
    found = read_pictures([saved(tmp_path, GREY)], (6, 8, 1))
    np.testing.assert_array_equal(found[0, :, :, 0], GREY)
    assert found.dtype == np.uint8
    found = read_pictures([saved(tmp_path, COLOUR, "c.bmp"), saved(tmp_path, GREY)], (6, 8, 3))
    np.testing.assert_array_equal(found[0], COLOUR)
    np.testing.assert_array_equal(found[1], np.repeat(GREY[:, :, None], 3, axis=2))


def test_white_of_another_value(tmp_path):
    found = read_pictures([saved(tmp_path, GREY)], (6, 8, 1), white=16)
    np.testing.assert_allclose(found[0, :, :, 0], GREY / 255 * 16)


def test_the_content_decides_not_the_name(tmp_path):
    path = saved(tmp_path, GREY, "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_pictures([path], (6, 8, 1))[0, :, :, 0], GREY)


def test_resized(tmp_path):
    """The middle of a picture of stripes, each of which becomes a pixel."""
    stripes = np.kron(np.array([[10, 20, 30, 40]]), np.ones((20, 10))).astype(np.uint8)
    found = read_pictures([saved(tmp_path, stripes)], (2, 2, 1), resize=True)
    assert found[0, 0, 0, 0] < found[0, 0, 1, 0]
    np.testing.assert_allclose(found[0, :, :, 0].mean(axis=0), [20, 30], atol=2)
    grey = read_pictures([saved(tmp_path, COLOUR)], (6, 8, 1), resize=True)
    np.testing.assert_allclose(grey[0, :, :, 0], np.asarray(Image.fromarray(COLOUR).convert("L")), atol=1)


@pytest.mark.parametrize(
    ("pixels", "shape", "said"),
    [
        (GREY, (8, 8, 1), "is 6 x 8 pixels (height x width), grey; the network takes 8 x 8, grey"),
        (COLOUR, (6, 8, 1), "colours; the network takes 6 x 8, grey: prepare it so, or give --resize"),
        (GREY, (6, 8, 2), "no picture has them"),
    ],
)
def test_refused(pixels, shape, said, tmp_path):
    with pytest.raises(DataError) as error:
        read_pictures([saved(tmp_path, pixels)], shape)
    assert said in str(error.value)
    assert "a.png" in str(error.value)


def test_folders_and_what_is_no_image(tmp_path):
    one, two = saved(tmp_path, GREY, "b.png"), saved(tmp_path, GREY, "a.jpg")
    (tmp_path / "notes.txt").write_text("no image")
    assert picture_files([tmp_path, one]) == [two, one, one]
    (tmp_path / "empty").mkdir()
    for path, said in ((tmp_path / "empty", "has no images"), (tmp_path / "none.png", "there is no image")):
        with pytest.raises(DataError, match=said):
            picture_files([path])
    with pytest.raises(DataError, match=r"notes\.txt is no image that can be read"):
        read_pictures([tmp_path / "notes.txt"], (6, 8, 1))
