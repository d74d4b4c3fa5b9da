"""The page of real models shows what its lines hold."""

import runpy
from typing import Any

from tests.structure.disk import ROOT


def test_the_table_of_real_models_is_made_of_its_lines() -> None:
    script: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "real_results"), run_name="real_results")
    page = script["PAGE"].read_text(encoding="utf-8")
    _, _, rest = page.partition(script["BEGIN"] + "\n")
    assert rest.partition(script["END"])[0] == script["table"]()
    assert {row["cell"] for row in script["rows"]()} <= set(script["CELLS"])
    assert all(0 <= row["low"] <= row["value"] <= row["high"] <= 1 for row in script["rows"]())
