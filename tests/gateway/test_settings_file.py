"""gateway.toml: what is read, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from finerouter.errors import ConfigError
from finerouter.gateway.settings import GatewaySettings
from finerouter.gateway.settings_file import policies, read_settings
from finerouter.policy import Policy

HASH = "0" * 64
KEY = f'[[keys]]\nname = "a"\nsha256 = "{HASH}"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, "utf-8")
    return path


def test_an_empty_file_is_the_defaults_with_its_own_folder(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, ""))
    assert settings.pool == str(tmp_path / "pool.toml")
    assert settings.journal.path == str(tmp_path / "journal.sqlite")
    assert settings.limits == GatewaySettings().limits


def test_absolute_paths_stay(tmp_path: Path) -> None:
    text = 'pool = "/etc/pool.toml"\n[journal]\npath = "/var/j.sqlite"'
    settings = read_settings(written(tmp_path, text))
    assert (settings.pool, settings.journal.path) == ("/etc/pool.toml", "/var/j.sqlite")


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    text = f"""
        host = "0.0.0.0"
        port = 9000
        hosts = ["gateway.example.com"]
        default_policy = "frugal"
        [policies.frugal]
        min_quality = 0.95
        allow = ["small", "large"]
        [budget]
        day_usd = 10
        {KEY}
        scopes = ["infer", "admin"]
        [keys.budget]
        hour_usd = 0.5
        tier_down_at = 0.8
        [telemetry]
        otlp_endpoint = "http://127.0.0.1:4318"
    """
    settings = read_settings(written(tmp_path, text))
    assert settings.keys[0].budget.hour_usd == 0.5
    assert settings.budget.day_usd == 10.0
    assert policies(settings) == {
        "best": Policy(),
        "frugal": Policy(min_quality=0.95, allow=frozenset(("small", "large"))),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('hosst = "x"', "unknown key 'hosst'; known there: pool, host, port"),
        ("[budget]\nday = 1", r"unknown key 'day' in \[budget\]; known there: hour_usd, day_usd"),
        (KEY + "scope = []", r"unknown key 'scope' in \[\[keys\]\] number 1; known there: name"),
        (KEY + "[keys.budget]\nweek = 1", r"'week' in \[budget\] of \[\[keys\]\] number 1"),
        ("[policies.x]\ncost = 1", r"'cost' in \[policies.x\]; known there: cost_weight"),
        ("port = 99999", "port: .*65535"),
        ('port = "a"', "port: "),
        ("explore = 1.5", "explore: "),
        ("keys = 3", "keys: "),
        ('[[keys]]\nname = "a"\nsha256 = "fr-key"', r"\[\[keys\]\] number 1 sha256: "),
        (KEY + KEY.replace('"a"', '"b c"'), r"\[\[keys\]\] number 2 name: "),
        (KEY + "[keys.budget]\nhour_usd = -1", r"\[budget\] of \[\[keys\]\] number 1 hour_usd: "),
        ("[policies.x]\ncost_weight = nan", r"\[policies.x\] cost_weight: "),
        ("[policies.x]\nmax_cost_usd = inf", r"\[policies.x\] max_cost_usd: "),
        ('[policies."a b"]', r"\[policies\]: a name: "),
        ("[policies.x]\ncost_weight = 1\nmin_quality = 0.5", r"\[policies.x\]: .*contradict"),
        ("[policies.best]", r"\[policies.best\]: .*take another name"),
        ("x = [", "is not TOML"),
    ],
)
def test_a_mistake_is_told_with_file_and_place(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=words) as caught:
        read_settings(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.toml: cannot be read"):
        read_settings(tmp_path / "gateway.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_settings(tmp_path / "latin.toml")


def test_a_key_pasted_for_its_hash_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(written(tmp_path, '[[keys]]\nname = "a"\nsha256 = "fr-topsecret"'))
    assert "topsecret" not in str(caught.value)
