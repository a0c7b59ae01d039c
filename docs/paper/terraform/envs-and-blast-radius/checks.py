"""The checks of terraform/envs-and-blast-radius, on paper: written against labkit, not run.

`tf` is the learner's wrapper as a command (K11: `Cli`), `git` and `terraform` are tools of the run (K12: `Tool`),
`backend` is a state server of the grader's behind an http sink (K13: a sink that answers by a function).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tinnyswe.labkit import Canary, Cli, Done, Expect, Sink, Tool, until

ENVS = ("dev", "prod")
PINNED = {"dev": "v1.1.0", "prod": "v1.0.0"}


class Modules:
    """The grader's repository of modules: each release says a word nobody can know beforehand."""

    def __init__(self, git: Tool, folder: Path, rng: random.Random) -> None:
        self.git, self.folder = git, folder
        self.words: dict[str, str] = {}
        git("init", "--quiet", "--initial-branch=main", str(folder))
        for tag in ("v1.0.0", "v1.1.0"):
            self.release(tag, f"{rng.randrange(16**16):016x}")

    def release(self, tag: str, word: str, body: str = "") -> None:
        main = self.folder / "service" / "main.tf"
        main.parent.mkdir(exist_ok=True)
        main.write_text(f'output "module_version" {{ value = "{word}" }}\n{body}', "utf-8")
        for arguments in (("add", "."), ("commit", "--quiet", "--message", tag), ("tag", tag)):
            self.git("-C", str(self.folder), *arguments)
        self.words[tag] = word

    @property
    def environment(self) -> dict[str, str]:
        """Makes git fetch https://git.example.test/platform/modules.git from this folder."""
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{self.folder}.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://git.example.test/platform/modules.git",
        }


@pytest.fixture
def modules(git: Tool, scratch: Path, rng: random.Random) -> Modules:
    return Modules(git, scratch / "modules", rng)


@pytest.fixture
def states(backend: Sink) -> dict[str, bytes]:
    """State documents by name, as the given server keeps them."""
    kept: dict[str, bytes] = {}

    def answer(request: Any) -> tuple[int, bytes]:
        name = request.path.rpartition("/")[2]
        if request.method == "POST":
            kept[name] = request.body
        return (200, kept[name]) if name in kept else (404, b"")

    backend.answer_with(answer)
    return kept


def run(tf: Cli, modules: Modules, env: str, *arguments: str) -> Done:
    """The learner's `./tf ENV ARGUMENTS`, in a fresh clone: a warm .terraform hides what a team mate meets."""
    with tf.fresh_folder() as clone:
        clone.run(env, "init", "-input=false", env=modules.environment)
        return clone.run(env, *arguments, env=modules.environment)


def must(done: Done, expect: Expect, code: str, why: str) -> None:
    expect(done.exit_status, code=code, why=why, next_step=done.last_line).equals(0)


def apply_both(tf: Cli, modules: Modules, expect: Expect) -> None:
    for env in ENVS:
        done = run(tf, modules, env, "apply", "-auto-approve", "-input=false")
        must(done, expect, "no-apply", f"{env} applies from a fresh clone.")


def plan_is_empty(tf: Cli, modules: Modules, env: str, expect: Expect, code: str, why: str) -> None:
    done = run(tf, modules, env, "plan", "-detailed-exitcode", "-input=false")
    expect(done.exit_status, code=code, why=why, next_step=done.last_line).equals(0)


def meta(states: dict[str, bytes], env: str) -> tuple[Any, Any]:
    """Lineage and serial of the state whose name the directory made: it ends in the environment's name."""
    said: dict[str, Any] = next((json.loads(body) for name, body in states.items() if name.endswith(env)), {})
    return said.get("lineage"), said.get("serial")


def test_c1_fresh_clone(tf: Cli, modules: Modules, states: dict[str, bytes], expect: Expect) -> None:
    """Both environments apply from a fresh clone."""
    apply_both(tf, modules, expect)
    expect(sorted(states), code="one-state", why="Each environment has a state of its own.").differs_from([])


def test_c2_breaking_release(tf: Cli, modules: Modules, states: dict[str, bytes], expect: Expect) -> None:
    """A breaking v2.0.0 is released and main moves: neither plan changes."""
    apply_both(tf, modules, expect)
    modules.release("v2.0.0", "broken", 'variable "now_required" {}\n')
    for env in ENVS:
        plan_is_empty(tf, modules, env, expect, "plan-changed", f"{env} stays on its release.")


def test_c3_destroy_dev(tf: Cli, modules: Modules, states: dict[str, bytes], expect: Expect) -> None:
    """dev is destroyed: prod's state is the same one, byte for byte."""
    apply_both(tf, modules, expect)
    before = meta(states, "prod")
    must(run(tf, modules, "dev", "destroy", "-auto-approve"), expect, "no-destroy", "dev may be destroyed.")
    expect(meta(states, "prod"), code="prod-touched", why="prod's state is left alone.").equals(before)
    plan_is_empty(tf, modules, "prod", expect, "prod-touched", "prod's plan is empty.")


def test_c4_wrong_variables(tf: Cli, modules: Modules, states: dict[str, bytes], expect: Expect) -> None:
    """dev is applied with prod's variables: prod's state is still the same one."""
    apply_both(tf, modules, expect)
    before = meta(states, "prod")
    run(tf, modules, "dev", "apply", "-auto-approve", "-var-file=../prod/terraform.tfvars")
    expect(meta(states, "prod"), code="prod-touched", why="The directory decides whose state it is.").equals(before)


def test_c5_destroy_prod(tf: Cli, modules: Modules, states: dict[str, bytes], expect: Expect) -> None:
    """prod cannot even plan its own destruction."""
    apply_both(tf, modules, expect)
    done = run(tf, modules, "prod", "plan", "-destroy", "-input=false")
    expect(done.exit_status, code="destroy-planned", why="Lifting the guard takes a commit.").equals(1)


def test_c6_what_is_committed(tf: Cli, git: Tool, canary: Canary, expect: Expect) -> None:
    """States, plans and secret variables are ignored, the lock file is not."""
    with tf.fresh_folder() as clone:
        git("init", "--quiet", str(clone.path))
        for name in ("terraform.tfstate", "plan.tfplan", "secret.auto.tfvars", ".terraform/x"):
            status = git("-C", str(clone.path), "check-ignore", "--quiet", f"envs/prod/{name}").exit_status
            expect(status, code="not-ignored", why=f"{name} never reaches a commit.", problem=name).equals(0)
        lock = git("-C", str(clone.path), "check-ignore", "--quiet", "envs/prod/.terraform.lock.hcl").exit_status
        expect(lock, code="lock-ignored", why="The lock file is part of the source.").equals(1)
        expect(canary.found_in(clone.path), code="secret-committed", why="No secret lies in a file.").equals([])


def test_c7_this_release(tf: Cli, modules: Modules, states: dict[str, bytes], expect: Expect) -> None:
    """The module is the platform's, in the release each environment pins."""
    apply_both(tf, modules, expect)
    for env, tag in PINNED.items():
        done = run(tf, modules, env, "output", "-raw", "module_version")
        why = f"{env} runs {tag} as it was released in this run."
        expect(done.stdout.strip(), code="not-this-release", why=why).equals(modules.words[tag])
    until(lambda: len(states) == len(ENVS), seconds=1, what="second state document")
