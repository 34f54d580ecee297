"""`finerouter train` with a chat model and a remote encoder, both on the loopback interface."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from finerouter import Router
from finerouter.cli import main
from finerouter.cli.encoder_option import EncoderChoice
from finerouter.encoders import TransformerEncoder
from finerouter.outcomes import OutcomeTable
from tests import synthetic
from tests.loopback import LoopbackUpstream, Reply, chat_reply, serving

pytest.importorskip("aiohttp", reason="remote endpoints need the extra [remote]")

KEY = "sk-loopback-0815"
PROMPTS = 120
CUES = {
    "plus": "do sums",
    "Translate": "translate a sentence",
    "def ": "trace a program",
    "review": "judge the mood of a review",
    "alphabetical": "sort words",
    "capital": "answer questions on geography",
}


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


Run = Callable[..., Finished]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: object) -> Finished:
        monkeypatch.setattr("sys.argv", ["finerouter", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Finished(int(ended.value.code or 0), said.out, said.err)

    return call


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackUpstream]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with serving() as running:
        running.chat = chat
        yield running


def chat(question: str) -> Reply:
    """Describes a synthetic prompt by its kind; gives every task the same name."""
    if "Give the group a name" in question:
        return chat_reply("Everyday chores")
    request = question.split("<request>\n")[1].split("\n</request>")[0]
    return chat_reply(next(phrase for cue, phrase in CUES.items() if cue in request))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endpoint") / "data"
    synthetic.outcomes(PROMPTS).write(folder)
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick settings, as a file."""
    path = tmp_path_factory.mktemp("config") / "quick.toml"
    values = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(synthetic.QUICK).items()
    }
    lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def training(run: Run, data: Path, config: Path, tmp_path: Path) -> Run:
    """`finerouter train` with all that is not under test."""

    def call(*args: object) -> Finished:
        out = tmp_path / "router"
        return run("train", data, "--out", out, "--config", config, "--holdout", "0", *args)

    return call


def chats(server: LoopbackUpstream) -> int:
    return sum(request.path == "/v1/chat/completions" for request in server.requests)


def test_describes_and_names_and_pays_once(training: Run, server, tmp_path: Path) -> None:
    options = ("--describe-with", "writer", "--name-with", "namer", "--llm-url", server.url)
    done = training(*options)
    assert done.code == 0, done.err
    assert f"described {PROMPTS} of {PROMPTS} prompts" in done.err
    router = Router.load(tmp_path / "router")
    assert chats(server) == PROMPTS + len(router.tasks)
    assert router.task_names[:2] == ("Everyday chores", "Everyday chores (2)")
    assert router.training.info["described"] == PROMPTS

    before = sorted(path.read_bytes() for path in (tmp_path / "router").iterdir())
    assert training(*options).code == 0
    assert chats(server) == PROMPTS + len(router.tasks)
    assert sorted(path.read_bytes() for path in (tmp_path / "router").iterdir()) == before


def test_goes_on_after_the_endpoint_failed(training: Run, server, tmp_path: Path) -> None:
    def failing(question: str) -> Reply:
        return chat(question) if chats(server) <= 50 else Reply(status=400, body=f"no {KEY}")

    server.chat = failing
    options = ("--describe-with", "writer", "--llm-url", server.url)
    failed = training(*options)
    cache = tmp_path / "router.llm-journal.sqlite"
    assert failed.code == 1
    assert len(failed.err.strip().splitlines()) == 1
    told = re.search(rf"(\d+) of {PROMPTS} answers are kept in {re.escape(str(cache))}", failed.err)
    assert told
    kept = int(told[1])
    assert 0 < kept <= 50
    assert not (tmp_path / "router").exists()
    refused = chats(server) - kept

    server.chat = chat
    assert training(*options).code == 0
    assert chats(server) == PROMPTS + refused


def test_a_router_outlives_a_failure_of_naming(training: Run, server, tmp_path: Path) -> None:
    server.chat = lambda _: Reply(status=400)
    failed = training("--name-with", "namer", "--llm-url", server.url)
    assert failed.code == 1
    assert f"{tmp_path / 'router'} is whole" in failed.err
    assert Router.load(tmp_path / "router").route("What is 3 plus 4?").model


def test_the_key_is_in_no_output(training: Run, server, tmp_path: Path) -> None:
    done = training(
        *("--describe-with", "writer", "--name-with", "namer", "--llm-url", server.url),
        *("--encoder", "remote:tiny", "--encoder-url", server.url, "--json"),
    )
    assert done.code == 0, done.err
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in done.out + done.err
    assert KEY.encode() not in written
    assert json.loads(done.out)["described"] == PROMPTS


def test_a_remote_encoder_is_rebuilt_for_routing(
    training: Run, run: Run, server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("MY_KEY", "sk-mine")
    done = training(
        *("--describe-with", "writer", "--llm-journal", tmp_path / "mine.sqlite"),
        *("--encoder", "remote:tiny", "--encoder-key-env", "MY_KEY"),
    )
    assert done.code == 0, done.err
    assert (tmp_path / "mine.sqlite").is_file()
    spec = Router.load(tmp_path / "router", allow_remote=True).encoder.spec
    assert (spec.kind, spec.name, spec.options["api_key_env"]) == ("remote", "tiny", "MY_KEY")

    server.requests.clear()
    monkeypatch.delenv("OPENAI_BASE_URL")
    refused = run("route", tmp_path / "router", "What is 3 plus 4?", "--json")
    assert refused.code == 2
    assert "--allow-remote" in refused.err
    assert not server.requests

    routed = run("route", tmp_path / "router", "What is 3 plus 4?", "--json", "--allow-remote")
    assert routed.code == 0, routed.err
    assert json.loads(routed.out)["model"] in synthetic.POOL.names
    assert [request.path for request in server.requests] == ["/v1/embeddings"]
    assert server.requests[0].headers["authorization"] == "Bearer sk-mine"


def test_tasks_follow_the_descriptions(training: Run, server, data: Path, tmp_path: Path) -> None:
    # The server's embeddings say nothing about meaning: only equal phrases lie together.
    options = ("--encoder", "remote:tiny", "--encoder-url", server.url)
    assert training(*options, "--describe-with", "writer", "--llm-url", server.url).code == 0
    labels = Router.load(tmp_path / "router", allow_remote=True).training.labels
    kinds = synthetic.kind_numbers(OutcomeTable.read(data))
    largest = sum(np.bincount(kinds[labels == label]).max() for label in np.unique(labels))
    assert largest == PROMPTS


def test_a_model_of_the_pool_is_asked_in_its_way_and_within_a_budget(
    training: Run, server, tmp_path: Path
) -> None:
    pool = tmp_path / "pool.toml"
    models = "".join(f'[[models]]\nmodel = "{name}"\n' for name in synthetic.POOL.names)
    pool.write_text(
        f'[endpoints.x]\nbase_url = "{server.url}"\nkey_env = "OPENAI_API_KEY"\n{models}'
        '[[models]]\nmodel = "writer"\nendpoint = "x"\nupstream_model = "w-1"\n'
        "input_usd_per_mtok = 1\noutput_usd_per_mtok = 1\n"
        "parameters = { max_tokens = 20, temperature = 0 }\n"
    )
    options = ("--describe-with", "writer", "--pool", pool)
    stopped = training(*options, "--llm-budget", "0.02")
    assert stopped.code == 1
    assert "the budget is used up" in stopped.err
    paid = chats(server)
    assert 0 < paid < PROMPTS
    done = training(*options, "--llm-budget", "1")
    assert done.code == 0, done.err
    assert chats(server) == PROMPTS
    body = server.requests[0].body
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("w-1", 20, 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--encoder", "bert"), "give static, onnx:FOLDER or remote:MODEL"),
        (("--encoder", "remote:"), "give static, onnx:FOLDER or remote:MODEL"),
        (("--encoder", "onnx:nowhere"), "model.onnx is missing"),
        (("--encoder-url", "http://127.0.0.1:1/v1"), "are for --encoder remote:MODEL"),
        (("--encoder", "remote:m", "--encoder-url", "ftp://x"), "no http or https address"),
        (("--llm-url", "http://127.0.0.1:1/v1"), "add --describe-with MODEL"),
        (("--llm-journal", "x.sqlite"), "add --describe-with MODEL"),
        (("--describe-with", "m", "--llm-budget", "1"), "has no price"),
        (("--describe-with", "m", "--llm-url", "nonsense"), "no http or https address"),
        (("--name-with", "m", "--tasks", "tasks.toml"), "or add --rediscover"),
    ],
)
def test_mistakes_are_told_in_one_line(training: Run, options: tuple[str, ...], told: str) -> None:
    wrong = training(*options)
    assert wrong.code == 2
    assert told in wrong.err
    assert len(wrong.err.strip().splitlines()) == 1


def test_an_onnx_folder_is_remembered_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(TransformerEncoder, "load", opened.append)
    monkeypatch.chdir(tmp_path)
    EncoderChoice("onnx:models/small", None, None).build()
    assert opened == [tmp_path.resolve() / "models" / "small"]
