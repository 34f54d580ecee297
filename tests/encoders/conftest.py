from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finerouter.encoders import Encoder, StaticEncoder
from tests.encoders import tiny_bert
from tests.loopback import serving


@pytest.fixture(scope="session")
def static() -> StaticEncoder:
    return StaticEncoder.load()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported tiny model, in the layout that TransformerEncoder reads."""
    onnx = pytest.importorskip("onnx", reason="the graph is written with the onnx package")
    pytest.importorskip("onnxruntime", reason="TransformerEncoder needs the extra [onnx]")
    from recipes.onnx_encoder.graph import BertGraph

    folder = tmp_path_factory.mktemp("tiny")
    onnx.save(BertGraph(tiny_bert.weights(), tiny_bert.HEADS).model(), folder / "model.onnx")
    tiny_bert.tokenizer().save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def remote() -> Iterator[Encoder]:
    from finerouter.encoders import RemoteEncoder

    with pytest.MonkeyPatch.context() as patch, serving() as running:
        patch.setenv("NO_PROXY", "127.0.0.1")
        encoder = RemoteEncoder(running.url, "tiny", api_key_env=None)
        yield encoder
        encoder.close()


@pytest.fixture(scope="session")
def transformer(tiny_folder: Path) -> Encoder:
    from finerouter.encoders import TransformerEncoder

    return TransformerEncoder.load(tiny_folder, max_tokens=24, overlap=4, max_windows=8)


@pytest.fixture(scope="session", params=["static", "transformer", "remote"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Each encoder in turn."""
    chosen: Encoder = request.getfixturevalue(request.param)
    return chosen
