"""The dataset's prompts as `finerouter collect` reads them: takes families, gives JSON lines.

    python -m recipes.starter.prompts [--per-family N] [--pilot] > prompts.jsonl

`--per-family N` takes the first N prompts of each family. `--pilot` draws them with another seed,
for trying a way of asking on prompts that the dataset does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from recipes.starter.families import FAMILIES, PER_FAMILY, PILOT_SEED, Item, generate

# What grades a family's answers.
GRADERS = {
    "number": "numeric:stated",
    "word": "stated",
    "cased_word": "stated:cased",
    "label": "label",
    "sequence": "sequence",
    "json_fields": "json-fields",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the prompts to standard output."""
    parser = argparse.ArgumentParser(description="Write the prompts of the starter dataset.")
    parser.add_argument("--per-family", type=int, default=PER_FAMILY, metavar="N")
    parser.add_argument("--pilot", action="store_true")
    args = parser.parse_args(argv)
    for item in chosen(args.per_family, pilot=args.pilot):
        sys.stdout.write(json.dumps(row(item), ensure_ascii=False) + "\n")


def chosen(per_family: int, *, pilot: bool = False) -> list[Item]:
    """The first prompts of each family."""
    items = _pilot() if pilot else generate()
    return [
        item
        for family in FAMILIES
        for item in [each for each in items if each.family == family][:per_family]
    ]


def row(item: Item) -> dict[str, object]:
    """One line: the prompt, and what its grader needs."""
    # Words may have alternatives, written with bars between.
    words = item.grader in ("word", "cased_word")
    return {
        "prompt_id": item.prompt_id,
        "benchmark": item.family,
        "category": item.category,
        "prompt": item.prompt,
        "reference": item.reference.split("|") if words else item.reference,
        "grader": GRADERS[item.grader],
        **({"choices": list(item.choices)} if item.choices else {}),
    }


def _pilot() -> list[Item]:
    known = {item.prompt_id for item in generate()}
    return [item for item in generate(PILOT_SEED) if item.prompt_id not in known]


if __name__ == "__main__":
    main()
