from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter import Model, ModelPool
from finerouter.errors import PoolError

TOML = """
[[models]]
model = "small"
provider = "here"
input_usd_per_mtok = 0.5
output_usd_per_mtok = 1
context_window = 8000
capabilities = ["json", "tools"]
note = "illustrative"

[[models]]
model = "large"
"""
RECORDS = [
    {
        "model": "small",
        "provider": "here",
        "input_usd_per_mtok": 0.5,
        "output_usd_per_mtok": 1,
        "context_window": 8000,
        "capabilities": ["json", "tools"],
        "note": "illustrative",
    },
    {"model": "large"},
]
POOL = ModelPool(
    (
        Model("small", "here", 0.5, 1.0, 8000, frozenset({"json", "tools"}), "illustrative"),
        Model("large"),
    )
)


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [("pool.toml", TOML), ("models.json", RECORDS), ("other.json", {"models": RECORDS})],
)
def test_every_form_of_a_pool_file_gives_the_same_pool(tmp_path: Path, name, content) -> None:
    assert ModelPool.read(written(tmp_path, name, content)) == POOL


@pytest.mark.parametrize(("name", "content"), [("pool.toml", TOML), ("models.json", RECORDS)])
def test_a_pool_is_read_from_its_folder(tmp_path: Path, name, content) -> None:
    written(tmp_path, name, content)
    assert ModelPool.read(tmp_path) == POOL


models = st.builds(
    Model,
    st.text(min_size=1),
    st.text(),
    st.none() | st.floats(0, 1e6),
    st.none() | st.floats(0, 1e6),
    st.none() | st.integers(1, 10**9),
    st.frozensets(st.text(min_size=1), max_size=3),
    st.text(),
)


@given(st.lists(models, min_size=1, max_size=4, unique_by=lambda model: model.model))
def test_a_pool_survives_json(drawn) -> None:
    pool = ModelPool(tuple(drawn))
    records = json.loads(json.dumps([model.to_json() for model in pool]))
    assert ModelPool.from_records(records, source="here") == pool


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"input_usd_per_mtok": -1}, "input_usd_per_mtok must be a number of USD"),
        ({"output_usd_per_mtok": "1.5"}, "output_usd_per_mtok must be a number of USD"),
        ({"input_usd_per_mtok": True}, "input_usd_per_mtok must be a number of USD"),
        ({"input_usd_per_mtok": float("nan")}, "input_usd_per_mtok must be a number of USD"),
        ({"output_usd_per_mtok": float("inf")}, "output_usd_per_mtok must be a number of USD"),
        ({"output_usd_per_mtok": 10**400}, "output_usd_per_mtok must be a number of USD"),
        ({"context_window": 0}, "context_window must be a whole number"),
        ({"context_window": 8e3}, "context_window must be a whole number"),
        ({"context_window": True}, "context_window must be a whole number"),
        ({"capabilities": "json"}, "capabilities must be a list of words"),
        ({"capabilities": [1]}, "capabilities must be a list of words"),
        ({"price": 1}, "unknown key 'price'; known: cache_write_usd_per_mtok, "),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_wrong_entry_is_named(tmp_path: Path, changes, complaint: str) -> None:
    path = written(tmp_path, "models.json", [RECORDS[1], {**RECORDS[0], **changes}])
    with pytest.raises(PoolError, match=f"model 2.*{complaint}") as raised:
        ModelPool.read(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("models.json", [*RECORDS, RECORDS[1]], "'large' is listed twice"),
        ("models.json", [], "holds no models"),
        ("models.json", [{"model": ""}], "`model` must be a name"),
        ("models.json", [{}], "`model` must be a name"),
        ("models.json", ["small"], "expected a list of models"),
        ("models.json", 3, "expected a list of models"),
        ("models.json", "{", "cannot be read"),
        ("pool.toml", "[[models]", "cannot be read"),
        ("pool.toml", '[[model]]\nmodel = "a"\n', "unknown key 'model'"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, content, complaint: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(PoolError, match=complaint) as raised:
        ModelPool.read(path)
    assert str(path) in str(raised.value)


def test_a_pool_file_must_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "pool.toml").write_bytes(TOML.encode().replace(b"here", b"h\xffre"))
    with pytest.raises(PoolError, match=r"pool\.toml: cannot be read"):
        ModelPool.read(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"holds neither pool.toml nor models.json"):
        ModelPool.read(tmp_path)
    with pytest.raises(PoolError, match=r"nothing\.toml: no such file"):
        ModelPool.read(tmp_path / "nothing.toml")


def test_columns_keep_the_order_of_the_pool_and_know_what_is_missing() -> None:
    pool = ModelPool((Model("a", "", 1.0), Model("b", "", 2.0, 3.0, context_window=8_000)))
    price_in, price_out = pool.usd_per_mtok
    np.testing.assert_array_equal(price_in, [1.0, 2.0])
    np.testing.assert_array_equal(price_out, [np.nan, 3.0])
    np.testing.assert_array_equal(pool.context_windows, [np.inf, 8_000])
    with pytest.raises(ValueError, match="read-only"):
        price_in[0] = 0.0


def test_models_are_found_by_name() -> None:
    assert POOL["large"] == Model("large")
    assert POOL.names == ("small", "large")
    assert len(POOL) == 2
    with pytest.raises(PoolError, match="'huge' is not in the pool; it has small, large"):
        POOL["huge"]


def test_a_subset_keeps_the_order_asked_for() -> None:
    assert POOL.subset(["large", "small"]).names == ("large", "small")
    with pytest.raises(PoolError, match="'huge'"):
        POOL.subset(["huge"])


def test_unpriced_models_are_listed() -> None:
    assert POOL.unpriced == ("large",)
    half = ModelPool(
        (Model("in", "", 1.0), Model("out", "", None, 1.0), Model("free", "", 0.0, 0.0))
    )
    assert half.unpriced == ("in", "out")


@pytest.mark.parametrize("pasted", ["gsk_FAKE1234", "sk-FAKE"])
def test_a_key_pasted_for_its_variables_name_is_refused_and_not_shown(tmp_path, pasted) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(
        f'[endpoints.there]\nbase_url = "http://127.0.0.1:1/v1"\nkey_env = "{pasted}"\n'
        '[[models]]\nmodel = "m"\nendpoint = "there"\n'
    )
    with pytest.raises(PoolError, match="key_env") as refused:
        ModelPool.read(path)
    assert pasted not in str(refused.value)


TWO_ENDPOINTS = """
[endpoints.a]
base_url = "http://127.0.0.1:1/v1"
[endpoints.b]
base_url = "http://127.0.0.1:2/v1"
api = "messages"
[[models]]
model = "m"
"""


def _read(tmp_path: Path, entry: str) -> Model:
    (tmp_path / "pool.toml").write_text(TWO_ENDPOINTS + entry)
    return ModelPool.read(tmp_path)["m"]


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("", []),
        ('endpoint = "b"', [("b", "m")]),
        ('endpoint = ["b", "a"]', [("b", "m"), ("a", "m")]),
        ('endpoint = ["a", "b"]\nupstream_model = "x"', [("a", "x"), ("b", "x")]),
        ('endpoint = ["a", "b"]\nupstream_model = {b = "y"}', [("a", "m"), ("b", "y")]),
        ('endpoint = "a"\nupstream_model = {a = "y"}', [("a", "y")]),
    ],
)
def test_a_model_may_have_several_endpoints(tmp_path, entry: str, asked) -> None:
    model = _read(tmp_path, entry)
    assert [(a.endpoint.name, a.upstream_model) for a in model.askings] == asked
    assert model.asking == (model.askings[0] if asked else None)
    assert "http" not in json.dumps(model.to_json())


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('endpoint = ["a", "c"]', "there is no endpoint 'c'"),
        ('endpoint = ["a", "a"]', "one endpoint or several different ones"),
        ("endpoint = []", "one endpoint or several different ones"),
        ('endpoint = ["a"]\nupstream_model = {b = "y"}', "'b', which is not among its endpoints"),
        ('endpoint = ["a"]\nupstream_model = {a = 1}', "the name that the endpoint knows"),
        ('endpoint = ["a", "b"]\nparameters = {seed = 1}', "nothing that api = 'messages' knows"),
    ],
)
def test_wrong_endpoints_of_a_model_are_named(tmp_path, entry: str, words: str) -> None:
    with pytest.raises(PoolError, match=r"\(m\).*" + words):
        _read(tmp_path, entry)


PASTED = [
    "sk-proj-FAKE1234",
    "hf_FAKEFAKE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "ABSKQmVkcm9ja0FQSUtleS/1abcDEF0ghij+KLMn0p/qrstUV",
    "k" * 300,
    "~nobody-of-this-name",
]


def read_endpoint_with(tmp_path: Path, line: str) -> ModelPool:
    path = tmp_path / "pool.toml"
    path.write_text(
        f'[endpoints.there]\nbase_url = "http://127.0.0.1:1/v1"\n{line}\n'
        '[[models]]\nmodel = "m"\nendpoint = "there"\n'
    )
    return ModelPool.read(path)


@pytest.mark.parametrize("pasted", PASTED)
def test_a_key_pasted_for_its_file_is_refused_and_not_shown(tmp_path, pasted: str) -> None:
    with pytest.raises(PoolError, match="key_file is no file here") as refused:
        read_endpoint_with(tmp_path, f'key_file = "{pasted}"')
    assert pasted not in str(refused.value)


@pytest.mark.parametrize("name", ["./key", "keys/open-ai", "openai.key", "~/.keys/openai"])
def test_a_key_file_may_come_later(tmp_path, name: str) -> None:
    asking = read_endpoint_with(tmp_path, f'key_file = "{name}"')["m"].asking
    assert asking.endpoint.key_file.endswith(name.removeprefix("./").removeprefix("~"))


def test_a_key_file_of_any_name_may_be_there(tmp_path) -> None:
    (tmp_path / "openai").write_text("k")
    asking = read_endpoint_with(tmp_path, 'key_file = "openai"')["m"].asking
    assert asking.endpoint.key_file == str(tmp_path / "openai")


@pytest.mark.parametrize(
    "header",
    ["x-goog-api-key", "X-Auth-Token", "apikey", "Ocp-Apim-Subscription-Key", "X-Client-Secret",
     "Cookie", "authorization", "x-password"],
)  # fmt: skip
def test_a_header_that_holds_a_key_is_refused(tmp_path, header: str) -> None:
    with pytest.raises(PoolError, match=f"header '{header}' holds a key") as refused:
        read_endpoint_with(tmp_path, f'headers = {{"{header}" = "v-0815"}}')
    assert "v-0815" not in str(refused.value)


def test_a_header_with_a_keys_value_is_refused_and_others_are_not(tmp_path) -> None:
    with pytest.raises(PoolError, match="'x-mine' holds a key"):
        read_endpoint_with(tmp_path, 'headers = {"x-mine" = "Bearer v-0815"}')
    pool = read_endpoint_with(tmp_path, 'headers = {"anthropic-beta" = "b", "x-team" = "basic"}')
    assert set(pool["m"].asking.endpoint.headers) == {"anthropic-beta", "x-team"}


@pytest.mark.parametrize("line", ['headers = "Bearer v-0815"', 'key_file = ["v-0815"]'])
def test_a_key_in_a_value_of_the_wrong_kind_is_not_shown(tmp_path, line: str) -> None:
    with pytest.raises(PoolError, match="must be a") as refused:
        read_endpoint_with(tmp_path, line)
    assert "v-0815" not in str(refused.value)
