"""Model files: what is saved is what is loaded, damaged ones are refused, and the trees agree with LightGBM."""

import io
import json
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from declutter.cleaner import TEXT_MODEL_FEATURES, Cleaner
from declutter.errors import ModelError
from declutter.lines import LABELS
from declutter.stages import kernels
from declutter.stages.features.lexicon import Lexicon
from declutter.stages.judge import model as model_module
from declutter.stages.judge.model import LEAF_GRID, Model, Trees
from declutter.stages.judge.network import Network
from tests.learning import lightgbm_or_skip

N_FEATURES = 6


def made_model(n_trees=7, depth=3, seed=0):
    random = np.random.default_rng(seed)
    trees = Trees(
        random.integers(0, N_FEATURES, (n_trees, 2**depth - 1)).astype(np.int32),
        random.normal(size=(n_trees, 2**depth - 1)).astype(np.float32),
        random.normal(size=(n_trees, 2**depth)).astype(np.float32),
    )
    names = tuple(f"f{number}" for number in range(N_FEATURES))
    mean, scale = np.zeros(N_FEATURES, np.float32), np.ones(N_FEATURES, np.float32)
    lexicon = Lexicon(np.array([3, 1 << 63], np.uint64), np.array([0.5, -0.25], np.float32))
    shapes = Network.shapes(N_FEATURES, 4, 3, len(LABELS)).values()
    network = Network(*(random.normal(size=shape).astype(np.float32) for shape in shapes)).on_grid()
    return Model(names, trees, -0.5, network, mean, scale, lexicon, {"seed": seed})


def lines(n=50, seed=1):
    return np.random.default_rng(seed).normal(size=(n, N_FEATURES)).astype(np.float32)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.npz"
    made_model().save(path)
    return path


def arrays_of(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def test_what_is_saved_is_loaded(saved):
    model, again = made_model(), Model.load(saved)
    assert (again.feature_names, again.offset, again.card) == (model.feature_names, model.offset, model.card)
    assert again.digest == model.digest
    found, expected = (one.scores(lines(), np.array([0, 20, 50])) for one in (again, model))
    np.testing.assert_array_equal(found.main, expected.main)
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_the_same_model_is_the_same_file(saved, tmp_path):
    made_model().save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()


def test_the_digest_tells_models_apart():
    model = made_model()
    leaf = model.trees.leaf.copy()
    leaf[3, 2] += 1e-3
    others = [replace(model, trees=model.trees._replace(leaf=leaf)), replace(model, offset=0.0),
              replace(model, feature_names=model.feature_names[::-1]), made_model(seed=1),
              replace(model, network=model.network._replace(out=-model.network.out))]  # fmt: skip
    assert len({model.digest, *(other.digest for other in others)}) == 6
    assert replace(model, card={}).digest == model.digest


def test_trees_by_hand():
    """Two trees of depth 2: left where a feature is not greater than the threshold, children at 2j and 2j + 1."""
    feature = np.array([[0, 1, 2], [2, 0, 0]], np.int32)
    threshold = np.array([[0.0, 1.0, 2.0], [5.0, -1.0, 0.0]], np.float32)
    leaf = np.array([[1, 2, 3, 4], [10, 20, 30, 40]], np.float32)
    x = np.array([[0, 1, 9], [0, 1.5, 5], [0.1, 0, 2], [0.1, 0, 6], [-2, 0, 0]], np.float32)
    assert Trees(feature, threshold, leaf).sum(x).tolist() == [1 + 30, 2 + 20, 3 + 20, 4 + 40, 1 + 10]


def test_no_line_and_one_line():
    model = made_model()
    scores = model.scores(lines(0), np.array([0]))
    assert scores.main.shape == (0,) and scores.labels.shape == (0, len(LABELS))
    alone = model.scores(lines(9)[4:5], np.array([0, 1]))
    among = model.scores(lines(9), np.array([0, 4, 5, 5, 9]))  # one page is empty
    assert alone.main[0] == among.main[4] and alone.labels[0].tolist() == among.labels[4].tolist()


@pytest.mark.parametrize("n_lines", [1, 7, 64])
def test_the_lines_of_a_page_are_judged_alike_in_any_batch_and_block(n_lines, monkeypatch):
    """To the last bit: sums are exact, in whatever order they are added up."""
    model, x, starts = made_model(), lines(300), np.array([0, 3, 3, 40, 41, 290, 300])
    expected = model.scores(x, starts)
    monkeypatch.setattr(model_module, "SUMMED_LINES", n_lines)
    blocks = model.scores(x, starts)
    np.testing.assert_array_equal(blocks.main, expected.main)
    np.testing.assert_array_equal(blocks.labels, expected.labels)
    for first, beyond in zip(starts.tolist(), starts[1:].tolist(), strict=False):
        page = model.scores(x[first:beyond], np.array([0, beyond - first]))
        np.testing.assert_array_equal(page.main, expected.main[first:beyond])
        np.testing.assert_array_equal(page.labels, expected.labels[first:beyond])


@pytest.mark.parametrize("cells, n_lines", [(1, 1), (64, 5), (200, 7), (1 << 20, 1 << 20)])
def test_block_sizes_change_nothing(cells, n_lines, monkeypatch):
    trees = made_model(n_trees=33, depth=4).trees
    expected, found = trees.sum(lines(101)), np.empty(101, np.float32)
    monkeypatch.setattr(kernels.twin("trees"), "BLOCK_CELLS", cells)
    monkeypatch.setattr(kernels.twin("trees"), "BLOCK_LINES", n_lines)
    kernels.twin("trees").leaf_sums(np.ascontiguousarray(lines(101).T), *trees, found)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("depth, seed", [(1, 0), (3, 1), (5, 2), (8, 3)])
def test_trees_agree_with_lightgbm(depth, seed):
    """Also for values that are a threshold, or its neighbours among the float32 numbers."""
    lightgbm = lightgbm_or_skip()
    from declutter.train.boosting import fixed_depth

    random = np.random.default_rng(seed)
    x = random.normal(size=(3000, N_FEATURES)).astype(np.float32)
    x[:, :3] = np.round(x[:, :3] * 8) / 8
    y = (x[:, 0] * x[:, 1] + np.sin(3 * x[:, 3]) + random.normal(size=len(x)) > 0).astype(int)
    settings = {"objective": "binary", "max_depth": depth, "num_leaves": 1 << depth, "use_missing": False,
                "verbose": -1, "num_threads": 1}  # fmt: skip
    grown = lightgbm.train(settings, lightgbm.Dataset(x, y), 40)
    trees = fixed_depth([tree["tree_structure"] for tree in grown.dump_model()["tree_info"]], depth)
    assert trees.leaf.shape == (40, 2**depth)
    asked = random.normal(size=(4000, N_FEATURES)).astype(np.float32)
    for column in range(N_FEATURES):
        finite = trees.threshold[(trees.feature == column) & np.isfinite(trees.threshold)]
        near = np.concatenate(
            (finite, np.nextafter(finite, np.float32(np.inf)), np.nextafter(finite, np.float32(-np.inf)))
        )
        near = near[np.abs(near) > 1e-30]  # LightGBM takes what is nearer to 0 for 0
        if len(near):
            asked[:3000, column] = random.choice(near, 3000)
    expected = grown.predict(asked, raw_score=True)
    np.testing.assert_allclose(trees.sum(asked), expected, atol=40 * 0.5 / LEAF_GRID + 2e-5)  # each leaf is rounded


@pytest.mark.parametrize("least", [20, 400])
def test_the_same_lines_and_seed_grow_the_same_trees(least):
    lightgbm_or_skip()
    from declutter.train.boosting import boosted

    x = lines(900)
    is_main = (x[:, 0] * x[:, 1] > 0).astype(np.int8)
    settings = {"n_trees": 9, "depth": 3, "learning_rate": 0.3, "least_leaf_lines": least}
    grown = [boosted(x, is_main, np.ones(len(x)), seed=seed, **settings) for seed in (0, 0, 1)]
    assert all(np.array_equal(*pair) for pair in zip(grown[0], grown[1], strict=True))
    assert least == 400 or not np.array_equal(grown[0].threshold, grown[2].threshold)
    half = boosted(x, is_main, np.ones(len(x)), seed=0, share=0.5, **settings)
    np.testing.assert_allclose(half.leaf, grown[0].leaf / 2, atol=1 / LEAF_GRID)


def damaged_files(path):
    whole = path.read_bytes()
    yield "empty", b""
    yield "text", b"[metadata]\nname = model\n"
    yield "truncated in the middle", whole[: len(whole) // 2]
    yield "truncated at the end", whole[:-10]
    yield "its beginning is missing", whole[100:]
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    yield "one array", buffer.getvalue()
    yield "a pickle", pickle.dumps({"declutter_model": 1})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "no model")
    yield "another zip", buffer.getvalue()


@pytest.mark.parametrize("number", range(8))
def test_damaged_files_are_refused(saved, number):
    _name, content = list(damaged_files(saved))[number]
    saved.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.npz"):
        Model.load(saved)


def test_flipped_bytes_are_refused_or_do_no_harm(saved):
    """Bytes that are no part of the arrays may differ; whatever loads is the model that was saved."""
    whole, digest = saved.read_bytes(), made_model().digest
    refused = 0
    for position in np.random.default_rng(0).integers(0, len(whole), 300).tolist():
        saved.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            assert Model.load(saved).digest == digest
        except ModelError:
            refused += 1
    assert refused > 200


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(ModelError):
            Model.load(path)


CHANGES = {
    "a missing array": lambda arrays: arrays.pop("leaf"),
    "other version": lambda arrays: arrays.update(declutter_model=np.array(999)),
    "a version that is no number": lambda arrays: arrays.update(declutter_model=np.array("one")),
    "other labels": lambda arrays: arrays.update(labels=np.array(LABELS[::-1], np.str_)),
    "fewer labels": lambda arrays: arrays.update(labels=np.array(LABELS[:-1], np.str_)),
    "thresholds of another shape": lambda arrays: arrays.update(threshold=arrays["threshold"][:, :-1]),
    "fewer thresholds": lambda arrays: arrays.update(threshold=arrays["threshold"][:-1]),
    "leaves without a second axis": lambda arrays: arrays.update(leaf=arrays["leaf"][0]),
    "leaves that are no power of two": lambda arrays: arrays.update(
        leaf=arrays["leaf"][:, :6], feature=arrays["feature"][:, :5], threshold=arrays["threshold"][:, :5]
    ),
    "trees that are too deep": lambda arrays: arrays.update(
        leaf=np.zeros((1, 512), np.float32),
        feature=np.zeros((1, 511), np.int32),
        threshold=np.zeros((1, 511), np.float32),
    ),
    "trees without a level": lambda arrays: arrays.update(
        leaf=np.zeros((1, 1), np.float32), feature=np.zeros((1, 0), np.int32), threshold=np.zeros((1, 0), np.float32)
    ),
    "a feature out of range": lambda arrays: arrays["feature"].__setitem__((0, 0), N_FEATURES),
    "a negative feature": lambda arrays: arrays["feature"].__setitem__((0, 0), -1),
    "features that are no integers": lambda arrays: arrays.update(feature=arrays["feature"].astype(np.float32)),
    "leaves of text": lambda arrays: arrays.update(leaf=arrays["leaf"].astype(str)),
    "a mean of another length": lambda arrays: arrays.update(feature_mean=arrays["feature_mean"][:-1]),
    "a scale of doubles": lambda arrays: arrays.update(feature_scale=arrays["feature_scale"].astype(np.float64)),
    "a network of fewer labels": lambda arrays: arrays.update(network_out=arrays["network_out"][:-1]),
    "a network without numbers": lambda arrays: arrays.update(
        {f"network_{name}": np.zeros(shape, np.float32)
         for name, shape in Network.shapes(N_FEATURES, 0, 3, len(LABELS)).items()}
    ),
    "two offsets": lambda arrays: arrays.update(offset=np.zeros(2, np.float32)),
    "one name more": lambda arrays: arrays.update(feature_names=np.append(arrays["feature_names"], "more")),
    "a network of other features": lambda arrays: arrays.update(network_line=arrays["network_line"][:-1]),
    "a network that reads too many places": lambda arrays: arrays.update(
        network_far=np.vstack((arrays["network_far"], arrays["network_far"]))
    ),
    "a network without an end": lambda arrays: arrays.pop("network_out"),
    "a card that is no JSON": lambda arrays: arrays.update(card=np.array("{")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_arrays_that_fit_no_model_are_refused(saved, change):
    arrays = arrays_of(saved)
    CHANGES[change](arrays)
    np.savez_compressed(saved, **arrays)
    with pytest.raises(ModelError, match=r"model\.npz"):
        Model.load(saved)


class Bomb:
    """Would create a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickled_objects_are_refused_and_not_run(saved, tmp_path):
    arrays = arrays_of(saved)
    for name in ("card", "leaf"):
        np.savez_compressed(saved, **{**arrays, name: np.array([Bomb(tmp_path / "run")], object)}, allow_pickle=True)
        with pytest.raises(ModelError):
            Model.load(saved)
    assert not (tmp_path / "run").exists()


def test_other_features_are_named():
    model = made_model()
    model.check(model.feature_names)
    with pytest.raises(ModelError, match="different: f5, f9"):
        model.check([*model.feature_names[:-1], "f9"])
    with pytest.raises(ModelError, match="order"):
        model.check(model.feature_names[::-1])
    with pytest.raises(ModelError, match=f"6 and {len(TEXT_MODEL_FEATURES)}"):
        Cleaner(model=model).clean("Home\n")


def test_the_card_is_json(saved):
    assert json.loads(str(arrays_of(saved)["card"])) == {"seed": 0}
