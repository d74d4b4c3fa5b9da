"""Files made by strangers, and keys in every entrance: the tests of SECURITY.md, each counted as a fault."""

import subprocess
import sys
from xml.etree import ElementTree

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import ROOT


def strangers(suite: Suite) -> Tally:
    """Checkpoints, configs, shards, links and sweep folders of strangers, canary keys: `tests/security`, counted."""
    tally = Tally("strangers' files and keys")
    if suite.short:
        tally.skipped.append("tests/security, which scripts/test runs")
        return tally
    report = suite.folder / "security.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "tests/security"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if not report.exists():
        tally.wrong.append(f"the tests did not run: {ended.stdout[-300:]}")
        return tally
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}: {case.get('name')}"
        if (skipped := case.find("skipped")) is not None:
            tally.skipped.append(f"{name} ({skipped.get('message')})")
            continue
        failure = case.find("failure") if case.find("failure") is not None else case.find("error")
        tally.expect(failure is None, f"{name}: {'' if failure is None else str(failure.get('message'))[:200]}")
    return tally
