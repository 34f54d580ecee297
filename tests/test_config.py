from __future__ import annotations

from pathlib import Path

import pytest

from finerouter.config import read_training_config
from finerouter.errors import ConfigError
from finerouter.training import TrainingConfig


def read(folder: Path, content: str) -> TrainingConfig:
    path = folder / "train.toml"
    path.write_text(content, "utf-8")
    return read_training_config(path)


def test_keys_of_the_file_replace_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, "seed = 3\npersistence = 0.7\nalphas = [0, 0.5, 1]\ncoverage = 0.5\n")
    assert found == TrainingConfig(seed=3, persistence=0.7, alphas=(0.0, 0.5, 1.0), coverage=0.5)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert read(tmp_path, "") == TrainingConfig()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("resolution = 3", "unknown key 'resolution'; known: seed"),
        ("folds = 2.5", "folds: must be a whole number"),
        ("seed = true", "seed: must be a whole number"),
        ('coverage = "high"', "coverage: must be a number"),
        ("alphas = 0.5", "alphas: must be a list of numbers"),
        ('alphas = ["a"]', "alphas: must be a number"),
        ("alphas = []", "alphas is empty"),
        ("folds = 1", "folds must be at least 2"),
        ("seed = ", "is not TOML"),
    ],
)
def test_mistakes_name_the_file_and_the_key(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as raised:
        read(tmp_path, content)
    assert str(tmp_path / "train.toml") in str(raised.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_training_config(tmp_path / "nothing.toml")
    (tmp_path / "binary.toml").write_bytes(b"seed = \xff")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_training_config(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    "changes",
    [
        {"neighbours": 0},
        {"neighbours": -1},
        {"min_task_size": 0},
        {"landmarks": 0},
        {"rank": 0},
        {"classifier_penalty": 0.0},
        {"tuning_prompts": 0},
        {"folds": 0},
        {"persistence": 1.0},
        {"coverage": 0.0},
        {"unseen_share": 1.0},
        {"resolutions": ()},
        {"resolutions": (-1.0,)},
        {"betas": (1.5,)},
        {"alphas": (0.0, 1.5)},
        {"alphas": (float("nan"),)},
        {"sharpnesses": (float("inf"),)},
        {"structure_weight": float("nan")},
        {"seed": -1},
        {"coarse": -0.5},
        {"levels": 2},
        {"levels": 7},
    ],
    ids=str,
)
def test_values_that_make_no_sense_are_refused(changes) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        TrainingConfig(**changes)


def test_the_ends_of_the_ranges_are_allowed() -> None:
    config = TrainingConfig(betas=(0.0, 1.0), alphas=(0.0, 1.0), exemplars=0, structure_weight=0.0)
    assert config.betas == (0.0, 1.0)
