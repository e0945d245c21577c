"""Files of one's own: what is read from them, and that whatever is wrong is said in one line with its row."""

import numpy as np
import pytest

from problems import DataError, load
from problems.data.own_data import NumberData, Rows, own_data

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, 2.0, (10, 3))
LABELS = np.array(["ham", "spam"] * 5)


def npz(tmp_path, **arrays):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)
    return load(str(path))


def table(tmp_path, text, **columns):
    path = tmp_path / "mine.csv"
    path.write_text(text, "utf-8")
    return load(str(path), **columns)


def test_a_table_with_labels(tmp_path):
    data = npz(tmp_path, inputs=X, labels=LABELS)
    assert data.name == "mine"
    assert data.classes == ("ham", "spam")
    assert (len(data.train_labels), len(data.validation_labels)) == (8, 2)
    every = np.concatenate([data.train_images, data.validation_images])[:, 0, 0]
    np.testing.assert_array_equal(np.sort(every, axis=0), np.sort(X, axis=0))
    answers = np.concatenate([data.train_labels, data.validation_labels])
    for row, answer in zip(every, answers, strict=True):  # a row has kept its label
        assert data.classes[answer] == LABELS[np.flatnonzero((row == X).all(axis=1))[0]]
    z = data.normalise(data.train_images, np.float64)
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1.0, atol=1e-12)


def test_a_validation_part_and_names_of_classes(tmp_path):
    data = npz(
        tmp_path, images=np.zeros((3, 4, 4), np.uint8), labels=np.array([0, 1, 2]), classes=np.array(["a", "b", "c"]),
        validation_images=np.ones((2, 4, 4), np.uint8), validation_labels=np.array([2, 2]),
    )  # fmt: skip
    assert data.classes == ("a", "b", "c")
    assert data.train_images.shape == (3, 4, 4, 1)
    assert data.train_images.dtype == np.uint8
    assert data.validation_labels.tolist() == [2, 2]


def test_labels_that_are_any_whole_numbers(tmp_path):
    data = npz(tmp_path, inputs=X, labels=np.array([7, -1] * 5))
    assert data.classes == ("-1", "7")
    assert set(data.train_labels.tolist()) == {0, 1}


def test_targets(tmp_path):
    y = RNG.normal(size=(10, 2))
    data = npz(tmp_path, inputs=X, targets=y, validation_inputs=X[:2], validation_targets=y[:2])
    assert isinstance(data, NumberData)
    assert data.classes == ("target0", "target1")
    np.testing.assert_allclose(data.target_mean, y.mean(axis=0))
    np.testing.assert_allclose(data.target_std, y.std(axis=0))


def test_years_keep_their_differences():
    years = np.array([2000.0, 2001.0] * 5)[:, None] + 1e9
    data = own_data("years", Rows("years", years, labels=LABELS))
    assert set(np.sign(data.normalise(data.train_images, np.float32).ravel())) == {-1.0, 1.0}


def test_a_csv_file(tmp_path):
    text = "\ufeffheight, label ,width\n1.5,10,2\n2,9,3e2\n3,9,4\n\n"
    data = table(tmp_path, text.replace(" label ", "label"))
    assert data.classes == ("9", "10")  # as numbers, not as text
    assert data.features == ("height", "width")
    every = np.concatenate([data.train_images, data.validation_images]).reshape(3, 2)
    assert sorted(every.tolist()) == [[1.5, 2.0], [2.0, 300.0], [3.0, 4.0]]
    number = table(tmp_path, text, target="width")
    assert number.classes == ("width",)
    assert number.features == ("height", "label")


BAD_ARRAYS = {
    "a-number-that-is-not-finite": ({"inputs": np.where(X[4, 1] == X, np.nan, X), "labels": LABELS}, "row 4"),
    "a-target-that-is-not-finite": ({"inputs": X, "targets": np.array([*range(9), np.inf])}, "row 9"),
    "another-length": ({"inputs": X, "labels": LABELS[:4]}, "10 inputs, but labels of shape (4,)"),
    "no-labels": ({"inputs": X}, "has no labels or targets"),
    "both": ({"inputs": X, "labels": LABELS, "targets": X}, "both labels and targets"),
    "no-inputs": ({"labels": LABELS}, "has no inputs or images"),
    "one-class": ({"inputs": X, "labels": np.zeros(10, int)}, "two classes or more"),
    "labels-that-are-decimals": ({"inputs": X, "labels": X[:, 0]}, "call numbers to predict targets"),
    "an-array-too-many": ({"inputs": X, "labels": LABELS, "weights": X}, "has an array weights"),
    "one-dimension": ({"inputs": X[:, 0], "labels": LABELS}, "(n, features)"),
    "no-row": ({"inputs": X[:0], "labels": LABELS[:0]}, "at least one row"),
    "one-row": ({"inputs": X[:1], "targets": X[:1]}, "two rows or more"),
    "text": ({"inputs": LABELS[:, None], "labels": LABELS}, "must be numbers"),
    "objects": ({"inputs": np.array([None] * 10), "labels": LABELS}, "never unpickled"),
    "a-new-class": (
        {"inputs": X, "labels": LABELS, "validation_inputs": X[:2], "validation_labels": np.array(["ham", "eggs"])},
        "row 1 has the label eggs, which is no class of training (ham, spam)",
    ),
    "another-width": (
        {"inputs": X, "labels": LABELS, "validation_inputs": X[:2, :2], "validation_labels": LABELS[:2]},
        "all but the first number must agree",
    ),
    "validation-without-labels": (
        {"inputs": X, "labels": LABELS, "validation_inputs": X},
        "has no validation_labels or validation_targets",
    ),
    "validation-with-targets": (
        {"inputs": X, "labels": LABELS, "validation_inputs": X, "validation_targets": X[:, 0]},
        "targets to validate",
    ),
    "numbers-that-overflow": ({"inputs": X * 1e200, "labels": LABELS}, "too large"),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "said"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays(arrays, said, tmp_path):
    with pytest.raises(DataError) as error:
        npz(tmp_path, **arrays)
    assert said in str(error.value)
    assert "mine.npz" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_no_file_of_arrays(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"it holds no arrays of NumPy's: write it with np\.savez"):
        load(str(path))
    with path.open("wb") as file:
        np.save(file, X)
    with pytest.raises(DataError, match=r"a single array: write it with np\.savez"):
        load(str(path))
    with pytest.raises(DataError, match=r"mine\.xlsx is no data set: files of your own are FILE\.npz, .* or FILE\.csv"):
        load("mine.xlsx")


BAD_TABLES = {
    "no-column-to-predict": ("a,b\n1,2\n", {}, "the columns are a, b"),
    "a-column-that-is-not-there": ("a,b\n1,2\n", {"label": "c"}, "no column c: its columns are a, b"),
    "both": ("a,b,c\n1,2,3\n", {"label": "b", "target": "c"}, "got b and c"),
    "a-word": ("a,label\n1,x\nParis,y\n", {}, "row 3, column a has 'Paris', which is no number"),
    "a-gap": ("a,label\n1,x\n,y\n", {}, "row 3, column a has no number"),
    "nan": ("a,label\n1,x\nnan,y\n", {}, "row 3 of the inputs has a number that is not finite"),
    "no-label": ("a,label\n1,x\n2,\n", {}, "row 3 has no label"),
    "a-short-row": ("a,label\n1,x\n2\n", {}, "row 3 has 1 cells, the heading 2"),
    "semicolons": ("a;label\n1;x\n2;y\n", {"label": "label"}, "separated by commas; its heading is 'a;label'"),
    "no-heading": ("1,2\n3,4\n", {}, "begins with numbers"),
    "a-name-twice": ("a,a,label\n1,2,x\n", {}, "all different"),
    "no-rows": ("a,label\n", {}, "no rows below its heading"),
    "one-column": ("label\nx\ny\n", {}, "one column"),
    "a-quote-left-open": ('a,label\n1,"x\n', {}, "no table that can be read"),
    "a-target-that-is-a-word": ("a,b\n1,2\n3,x\n", {"target": "b"}, "row 3, column b has 'x'"),
}


@pytest.mark.parametrize(("text", "columns", "said"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables(text, columns, said, tmp_path):
    with pytest.raises(DataError) as error:
        table(tmp_path, text, **columns)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"\x80\x04N."], ids=["empty", "zip", "npy", "pickle"]
)
def test_files_that_are_no_archives(content, tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is no \.npz file that can be read"):
        load(str(path))


def test_files_that_are_not_there(tmp_path):
    for name in ("none.npz", "none.csv"):
        with pytest.raises(DataError) as error:
            load(str(tmp_path / name))
        assert name in str(error.value)
    (tmp_path / "latin.csv").write_bytes("a,label\n1,é\n".encode("latin-1"))
    with pytest.raises(DataError, match="no table that can be read"):
        load(str(tmp_path / "latin.csv"))


def test_columns_and_folders_are_for_others(tmp_path):
    for name, given in (("digits", {"label": "x"}), ("a.npz", {"target": "x"}), ("a.csv", {"folder": tmp_path})):
        with pytest.raises(DataError, match=r"leave them out|takes neither"):
            load(name, **given)
