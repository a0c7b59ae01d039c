"""Does a program's verdict depend on luck? Grades each program of a lab many times and counts different answers.

    .venv/bin/python bench/flips.py [--repeats 20] [--hogs 2] [--jobs 1] [--only reference] LAB...

The verdict compared is what the audit looks at: the outcome of every check that was run, with its failure codes.
Exit 0 when every program gave one and the same verdict, 1 otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tinnyswe.model.lab import Lab
from tinnyswe.usecases.audit_lab import SEED, AuditOptions, Auditor, Graded
from tinnyswe.usecases.tools import Tools, find_lab, open_catalog, tidy


@contextlib.contextmanager
def hogs(number: int) -> Iterator[None]:
    """Busy loops beside the measurement, ended with it."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


def verdict(run: Graded) -> str:
    said = [f"{c.check}:{','.join(f.code for f in c.failures) or c.outcome}" for c in run.checks]
    return f"{run.outcome} {' '.join(said)} {run.reason}".strip()


def explain(answer: str, run: Graded) -> None:
    """What was seen in a run that answered otherwise: it is a defect of the lab or of the grader."""
    print(f"    {answer}")
    for failure in (failure for check in run.checks for failure in check.failures):
        print(f"      {failure.code}: {failure.relation} {failure.expected!r}, observed {failure.observed!r}")
        for line in (*failure.trace, *(f"{log.source}| {line}" for log in failure.logs for line in log.lines)):
            print(f"        {line}", flush=True)


def measure(lab: Lab, repeats: int, jobs: int, only: str) -> bool:
    auditor = Auditor(lab, AuditOptions(), Tools())
    steady = True
    for name, folder, last in auditor.programs():
        if not name.startswith(only):
            continue
        with ThreadPoolExecutor(jobs) as pool:
            runs = list(pool.map(lambda _, n=name, f=folder, s=last: auditor.grade(n, f, SEED, s), range(repeats)))
        seen = Counter(verdict(run) for run in runs)
        seconds = statistics.median(run.seconds for run in runs)
        print(
            f"{lab.id:28} {name:24} {len(runs):3} runs  {len(seen) - 1} other verdicts  p50 {seconds:.1f} s", flush=True
        )
        for answer, _ in seen.most_common()[1:]:
            explain(answer, next(run for run in runs if verdict(run) == answer))
        steady = steady and len(seen) == 1
    return steady


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", nargs="+")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--hogs", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="programs whose name begins so, e.g. reference or M")
    options = parser.parse_args()
    catalog = open_catalog()
    tidy()
    began = time.monotonic()
    with hogs(options.hogs):
        labs = [find_lab(catalog, name, Path.cwd()) for name in options.labs]
        steady = [measure(lab, options.repeats, options.jobs, options.only) for lab in labs]
    print(f"{time.monotonic() - began:.0f} s, {options.hogs} CPU hogs beside it")
    return 0 if all(steady) else 1


if __name__ == "__main__":
    sys.exit(main())
