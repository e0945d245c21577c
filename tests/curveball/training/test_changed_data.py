"""A run is not continued on other data."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from curveball import SGD
from curveball.training.data_hash import data_hashes
from curveball.training.options import TrainOptions
from curveball.training.train import train
from problems import Classification, Dataset, load, network
from tests.support.line import Line


def digits():
    d = load("digits")
    parts = (d.train_images[:100], d.train_labels[:100]), (d.validation_images[:20], d.validation_labels[:20])
    return Dataset.of("few", d.classes, *parts)


def exchanged(labels):
    """Two folders of classes have changed their names."""
    return np.where(labels == 3, 5, np.where(labels == 5, 3, labels))


CHANGES = {
    "classes": lambda d: replace(d, classes=(*d.classes[1:], d.classes[0])),
    "train_labels": lambda d: replace(d, train_labels=exchanged(d.train_labels)),
    "validation_labels": lambda d: replace(d, validation_labels=exchanged(d.validation_labels)),
    "train_images": lambda d: replace(d, train_images=d.train_images[:, :, ::-1].copy()),  # with the same means
    "validation_images": lambda d: replace(d, validation_images=255 - d.validation_images),
}


def run(data, folder, **options):
    return train(Classification(data, network("mlp"), 20), SGD(), TrainOptions(quiet=True, **options), folder=folder)


@pytest.mark.parametrize("what", CHANGES)
def test_each_change_is_refused_by_name(what, tmp_path):
    run(digits(), tmp_path, epochs=1)
    changed = CHANGES[what](digits())
    with pytest.raises(ValueError, match=f"the data have changed .*: other {what.replace('_', ' ')}; give") as error:
        run(changed, tmp_path, epochs=2, resume=True)
    assert len(str(error.value).splitlines()) == 1
    run(digits(), tmp_path, epochs=2, resume=True)


def test_the_hashes_do_not_depend_on_where_the_data_lie(gpu):
    data = digits()
    there = replace(
        data, **{name: gpu.asarray(getattr(data, name)) for name in ("train_images", "validation_labels")}, source="x"
    )
    assert data_hashes(there) == data_hashes(data)
    strided = np.repeat(data.train_images, 2, axis=0)[::2]
    assert data_hashes(replace(data, train_images=strided)) == data_hashes(data)


def test_types_and_shapes_count():
    data = digits()
    images = data.train_images
    for other in (images.reshape(100, 64, 1, 1), images.view(np.int8)):
        assert data_hashes(replace(data, train_images=other)) != data_hashes(data)


def test_a_problem_without_labels_or_classes(tmp_path):
    train(Line(), SGD(), TrainOptions(1, quiet=True), folder=tmp_path)
    with pytest.raises(ValueError, match=r"the data have changed .*: other train images"):
        train(Line(shift=1e-15), SGD(), TrainOptions(2, quiet=True, resume=True), folder=tmp_path)


def test_hashes_stay_what_they_are():
    """Checkpoints hold them: another way to hash would refuse every run that is to be resumed."""
    found = data_hashes(replace(digits(), classes=("a", "b")))
    assert found["classes"] == hashlib.blake2b(b'["a", "b"]', digest_size=16).hexdigest()


def test_the_same_data_by_another_name_go_on(tmp_path):
    """As photographs whose folder was renamed."""
    run(digits(), tmp_path, epochs=1)
    assert len(run(replace(digits(), name="renamed"), tmp_path, epochs=2, resume=True).epochs) == 2
    other = replace(CHANGES["train_images"](digits()), name="other")
    with pytest.raises(ValueError, match="was written with data=renamed, this run has data=other"):
        run(other, tmp_path, epochs=3, resume=True)
