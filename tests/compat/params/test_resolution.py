"""Legacy settings from every source: the plugin they mean, the log event, and who wins."""

import json
from dataclasses import dataclass, field
from io import StringIO
from itertools import product
from pathlib import Path

import pytest
import structlog

from ptycho_engine import compat, logs
from ptycho_engine.compat.params import keys
from ptycho_engine.discovery import discover
from ptycho_engine.errors import ConfigurationError, InputFileError
from ptycho_engine.host.choice import choose

pytestmark = pytest.mark.filterwarnings(
    "ignore::ptycho_engine.RemovedIn2Warning",
)

#: What `auto` means here: `chunked_xla` where TensorFlow is.
DEFAULT = choose(discover())[0]
FLAG, XLA, SIZE = "use_batched_patch_extraction", "use_xla_translate", "patch_extraction_batch_size"


@dataclass
class ModelConfig:
    N: int = 64
    gridsize: int = 1
    use_batched_patch_extraction: bool | None = None
    use_xla_translate: bool | None = None
    patch_extraction_batch_size: int | None = None


@dataclass
class TrainingConfig:
    model: ModelConfig = field(default_factory=ModelConfig)
    train_data_file: Path | None = None
    nphotons: float = 1e9
    n_images: int | None = None


@pytest.fixture
def events():
    """The log events of the test, as dictionaries."""
    stream = StringIO()
    with logs.configured("INFO", structlog.processors.JSONRenderer(), stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def as_dictionary(values, tmp_path):
    return {"params": values}


def as_nested_dictionary(values, tmp_path):
    return {"params": {"model": values}}


def as_texts(values, tmp_path):
    return {"params": {key: str(value) for key, value in values.items()}}


def as_dataclass(values, tmp_path):
    return {"dataclass": TrainingConfig(ModelConfig(**values))}


def as_file(values, tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return {"file": path}


SOURCES = {
    "dictionary": as_dictionary,
    "dictionary: model.": as_nested_dictionary,
    "dictionary: ": as_texts,
    "dataclass TrainingConfig.model": as_dataclass,
    "old.yaml": as_file,
}


def expected_plugin(flag, xla):
    if flag is None:
        return "batched" if xla is False else DEFAULT
    if not flag:
        return "iterative"
    return "batched" if xla is False else "chunked_xla"


@pytest.mark.filterwarnings("ignore:XLA translation is switched off")
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("flag", "xla", "size"), [*product([None, False, True], [None, False, True], [None, 48])]
)
def test_matrix_of_flags_and_sources(flag, xla, size, source, tmp_path, events):
    given = {FLAG: flag, XLA: xla, SIZE: size}
    given = {key: value for key, value in given.items() if value is not None}
    engine, resolution = compat.legacy_engine(**SOURCES[source](given, tmp_path))
    plugin = expected_plugin(flag, xla)
    assert engine.plugin == resolution.plugin == plugin
    assert resolution.values["rounding"] == "legacy"

    (event,) = events()
    assert event["event"] == "plugin_selected"
    assert event["plugin"] == plugin
    assert event["reason"] == resolution.reason
    assert event["sources"] == resolution.sources
    assert event["conflicts"] == []
    assert set(event["sources"]) == set(resolution.values)

    chosen = event["sources"]["plugin"]
    if flag is None and xla is not False:
        assert chosen == "default"
        assert "no legacy flag chooses" in event["reason"]
    else:
        assert source.strip() in chosen
        assert (FLAG in chosen) == (flag is not None)
    option = {"chunked_xla": "chunk_size", "batched": "batch_size"}.get(plugin)
    if option and size:
        assert event["options"] == {option: size}
        assert SIZE in event["sources"][f"plugin.{option}"]
    elif option:
        assert event["options"] == {option: "auto"}


ON_OFF = [
    ({"USE_XLA_TRANSLATE": "0"}, False),
    ({"USE_XLA_TRANSLATE": "FALSE"}, False),
    ({"USE_XLA_TRANSLATE": "no"}, False),
    ({"USE_XLA_TRANSLATE": "1"}, None),
    ({"USE_XLA_TRANSLATE": "OFF"}, None),  # legacy code does not heed it
    ({"TF_DISABLE_XLA_TRANSLATE": "1"}, False),
    ({"TF_DISABLE_XLA_TRANSLATE": "0"}, None),
    ({"USE_XLA_COMPILE": "1"}, None),
    ({}, None),
]


@pytest.mark.filterwarnings("ignore:XLA translation is switched off")
@pytest.mark.parametrize("flag", [None, False, True])
@pytest.mark.parametrize(("environ", "xla"), ON_OFF, ids=lambda value: str(value))
def test_matrix_of_flags_and_variables(environ, xla, flag, events):
    params = {} if flag is None else {FLAG: flag}
    engine, _ = compat.legacy_engine(params=params, environ=environ)
    assert engine.plugin == expected_plugin(flag, xla)
    (event,) = events()
    for name, text in environ.items():
        heeded = xla is False or name == "USE_XLA_COMPILE"
        source = f"environment: {name}={text}"
        assert (source in event["ignored"]) == (not heeded)
        decided = xla is False and flag is not False
        assert (source in event["sources"]["plugin"]) == decided


def test_the_environment_is_read_only_when_it_is_passed(monkeypatch):
    monkeypatch.setenv("USE_XLA_TRANSLATE", "0")
    assert compat.resolve().plugin == DEFAULT


@pytest.mark.parametrize("flag", [None, False, True])
def test_xla_off_warns_with_the_plugin_that_runs(flag):
    params = {XLA: False} | ({} if flag is None else {FLAG: flag})
    with pytest.warns(compat.CompatWarning, match=f"'{expected_plugin(flag, False)}'") as caught:
        compat.legacy_engine(params=params)
    assert {w.filename for w in caught} == {__file__}


LEVELS = [
    ("explicit", {"patch_size": 11}, 11, "explicit argument"),
    ("config", {"patch_size": 12}, 12, "new configuration"),
    ("dataclass", ModelConfig(N=13), 13, "dataclass ModelConfig: N"),
    ("params", {"N": 14}, 14, "dictionary: N"),
    ("file", "N: 15\n", 15, "old.yaml: N"),
]


@pytest.mark.parametrize("first", range(len(LEVELS)))
def test_precedence_level_by_level(first, tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(LEVELS[-1][1])
    given = {name: path if name == "file" else value for name, value, *_ in LEVELS[first:]}
    resolution = compat.resolve(**given)
    _, _, value, source = LEVELS[first]
    assert resolution.values["patch_size"] == value
    assert resolution.sources["patch_size"].endswith(source)
    if first < len(LEVELS) - 1:
        texts = [str(conflict) for conflict in resolution.conflicts]
        assert any(str(value) in t and "overrides" in t for t in texts)
        for _, _, loser, _ in LEVELS[first + 1 :]:
            assert any(str(loser) in text for text in texts)


def test_a_dictionary_beats_the_environment_and_the_conflict_names_both():
    how = {"params": {FLAG: True, XLA: True}, "environ": {"USE_XLA_TRANSLATE": "0"}}
    with pytest.warns(compat.CompatWarning, match="disagree") as caught:
        engine, _ = compat.legacy_engine(**how)
    assert engine.plugin == "chunked_xla"
    (text,) = [str(w.message) for w in caught if w.category is compat.CompatWarning]
    assert "use_xla_translate: True (dictionary: use_xla_translate) overrides" in text
    assert "False (environment: USE_XLA_TRANSLATE=0)" in text


def test_an_explicit_plugin_wins_and_takes_the_batch_size_with_it():
    with pytest.warns(compat.CompatWarning, match="'batched' .explicit argument. overrides"):
        engine, resolution = compat.legacy_engine(plugin="batched", params={FLAG: True, SIZE: "9"})
    assert engine.options == {"batch_size": 9}
    assert resolution.reason == "explicit argument"


def test_equal_values_from_two_sources_are_no_conflict():
    resolution = compat.resolve(dataclass=ModelConfig(N=32), params={"N": "32", "gridsize": 1.0})
    assert resolution.conflicts == ()


@pytest.mark.parametrize("text", ["64", "6.4e1", 64, 64.0])
def test_numbers_in_any_spelling(text):
    assert compat.resolve(params={"N": text}).values["patch_size"] == 64


@pytest.mark.parametrize("text", ["False", "false", "0", "no", 0, False])
def test_false_in_any_spelling(text):
    assert compat.resolve(params={FLAG: text}).plugin == "iterative"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"N": "many"}, "'N' .dictionary: N.*'many'.*a whole number"),
        ({"N": 6.5}, "a whole number"),
        ({"N": -64}, "a whole number above zero"),
        ({"N": "0"}, "a whole number above zero"),
        ({"gridsize": -2}, "'gridsize'.*a whole number above zero"),
        ({"patch_extraction_batch_size": 0}, "a whole number above zero"),
        ({"N": True}, "a whole number"),
        ({FLAG: "perhaps"}, "true"),
        ({"train_data_file": 3}, "a path"),
        ({3: 4}, "the key 3 is not text"),
        ([("N", 3)], "received list"),
    ],
)
def test_values_that_cannot_be_used_are_refused(params, words):
    with pytest.raises(ConfigurationError, match=words):
        compat.resolve(params=params)


@pytest.mark.parametrize("config", [3, "N", ModelConfig, [1]])
def test_what_is_no_dataclass_is_refused(config):
    with pytest.raises(ConfigurationError, match="Expected an instance"):
        compat.resolve(dataclass=config)


@pytest.mark.parametrize("text", ["- 1\n", "N: [", "just text"])
def test_files_without_parameters_are_refused(text, tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(text)
    with pytest.raises(InputFileError, match=r"old\.yaml"):
        compat.resolve(file=path)
    with pytest.raises(InputFileError, match=r"none\.yaml"):
        compat.resolve(file=tmp_path / "none.yaml")


def test_none_means_not_set_and_an_empty_file_sets_nothing(tmp_path):
    (tmp_path / "old.yaml").write_text("# nothing\n")
    resolution = compat.resolve(params={"N": None}, file=tmp_path / "old.yaml")
    assert "patch_size" not in resolution.values


def test_dotted_underscored_and_renamed_keys_and_the_nested_model_section():
    resolution = compat.resolve(
        params={"object.big": True, "probe_big": False, "n_images": "5", "model": {"N": 32}, "N": 9}
    )
    legacy = resolution.legacy
    assert {"object_big", "probe_big"} <= set(legacy.dropped)
    assert legacy.values["n_groups"] == 5
    assert legacy.unknown == {}
    assert resolution.values["patch_size"] == 32  # the section wins, as in legacy code
    assert len(resolution.conflicts) == 1


def test_paths_become_the_scan():
    resolution = compat.resolve(dataclass=TrainingConfig(train_data_file=Path("a") / "b.npz"))
    assert resolution.values["scan.path"] == str(Path("a") / "b.npz")


def test_unknown_keys_are_reported_and_logged(events):
    with pytest.warns(compat.CompatWarning, match="'gridsise'.*Did you mean 'gridsize'"):
        compat.legacy_engine(params={"gridsise": 2})
    assert events()[0]["unknown"] == {"gridsise": "dictionary: gridsise"}


@pytest.mark.parametrize("key", ["bogus", "size_of_all", "entirely_other"])
def test_unknown_keys_that_are_like_none_get_no_hint(key):
    with pytest.warns(compat.CompatWarning, match=f"'{key}' .* is unknown and ignored.$"):
        compat.legacy_engine(params={key: 2})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("offset", 4.5),
        ("test_data_file", ["a.npz", "b.npz"]),
        ("max_position_jitter", "auto"),
        ("nphotons", "1e9 photons"),
        ("output_dir", 3),
    ],
)
def test_odd_values_of_what_is_dropped_are_kept_as_they_are(key, value):
    legacy = compat.resolve(params={"N": 64, key: value}).legacy
    assert legacy.values[key] == value
    assert key in legacy.dropped


def test_values_that_a_drop_in_heeds_are_refused_though_they_are_dropped():
    with pytest.raises(ConfigurationError, match="use_xla_compile"):
        compat.resolve(params={"use_xla_compile": "perhaps"})


def test_every_row_of_the_table_is_mapped_or_dropped_with_a_reason():
    names = [name for key in keys.KEYS for name in (key.name, *key.aliases)]
    assert len(names) == len(set(names))
    for key in keys.KEYS:
        assert key.target or key.reason
        assert keys.find_key(key.name.replace("_", ".")) is key


def test_every_parameter_of_the_legacy_defaults_is_known():
    names = (
        "N gridsize offset max_position_jitter use_xla_translate use_xla_compile nphotons "
        "use_batched_patch_extraction patch_extraction_batch_size batch_size n_groups n_images "
        "n_subsample subsample_seed neighbor_count enable_oversampling neighbor_pool_size "
        "sequential_sampling sim_jitter_scale outer_offset_train outer_offset_test big_gridsize "
        "size nimgs_train nimgs_test set_phi data_source default_probe_scale npseed object.big "
        "pad_object gaussian_smoothing_sigma probe.big probe.mask probe_scale positions.provided "
        "probe.trainable intensity_scale.trainable bigN intensity_scale probe output_prefix "
        "train_data_file_path model_type amp_activation n_filters_scale nepochs"
        # of the torch side
        " C K K_quadrant grid_size neighbor_function min_neighbor_distance max_neighbor_distance"
        " scan_pattern normalize probe_normalize data_scaling phase_subtraction x_bounds y_bounds"
    )
    assert [name for name in names.split() if keys.find_key(name) is None] == []
