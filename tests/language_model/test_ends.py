"""A text ends at every token at which its checkpoint's texts end, greedy or sampled."""

import json
from pathlib import Path
from typing import Any

from distillrun.language_model.limits import Limits
from distillrun.language_model.load import load_model
from distillrun.language_model.sampling import sampled_targets
from distillrun.language_model.token_selection import Greedy
from distillrun.records import Segment
from tests.chat_models import write_chat

SOURCE = (Segment("Where do fish live?"),)


def written(folder: Path) -> tuple[str, tuple[int, ...]]:
    model = load_model(folder, Limits(64, 32, "\n"))
    (greedy,) = model.generate([SOURCE], 12, 4096)
    (sampled,) = sampled_targets([model], [SOURCE], [0], lambda seeds: Greedy(), 12, 4096)
    return greedy, sampled


def test_every_id_of_the_generation_config_ends_a_text(tmp_path: Path) -> None:
    folder = write_chat(tmp_path, instruct=False)
    whole, ids = written(folder)
    assert len(ids) == 12, "its texts end nowhere before"
    end = next(place for place, token in enumerate(ids) if place > 2 and token not in ids[:place])
    file = folder / "generation_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "eos_token_id": [*config["eos_token_id"], ids[end]]}))
    text, shorter = written(folder)
    assert shorter == ids[: end + 1]
    model: Any = load_model(folder, Limits(64, 32, "\n"))
    assert text == model.decode(ids[:end])
    assert whole.startswith(text)
