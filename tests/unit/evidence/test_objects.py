from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tinnyswe.evidence.objects import Objects, read_files
from tinnyswe.model.errors import TinnyError, UsageError
from tinnyswe.model.submission import SubmittedFile, submission_digest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "pkg").mkdir(parents=True)
    (folder / "app.py").write_bytes(b"print('hi')\n")
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "pkg" / ("long-" * 40 + ".txt")).write_bytes(b"\x00\xff" * 5000)
    (folder / os.fsdecode(b"latin-\xe9.txt")).write_bytes(b"")
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def test_what_is_put_comes_back_with_its_executable_bits(objects: Objects, source: Path, tmp_path: Path) -> None:
    digest = objects.put(source)
    objects.get(digest, tmp_path / "target")
    assert read_files(tmp_path / "target") == read_files(source)
    assert digest == submission_digest(read_files(source))
    assert objects.path(digest) == objects.folder / digest[:2] / f"{digest}.tar"


def test_the_same_files_are_one_object_byte_for_byte(objects: Objects, source: Path, tmp_path: Path) -> None:
    first = objects.put(source)
    status = objects.path(first).stat()
    assert objects.put(source) == first
    assert objects.path(first).stat().st_ino == status.st_ino
    other = Objects(tmp_path / "other")
    shutil.copytree(source, tmp_path / "again", copy_function=shutil.copy)
    os.utime(tmp_path / "again" / "app.py", (1, 1))
    assert other.put(tmp_path / "again") == first
    assert other.path(first).read_bytes() == objects.path(first).read_bytes()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([("a", False, b"1")], [("a", False, b"2")]),
        ([("a", False, b"1")], [("b", False, b"1")]),
        ([("a", False, b"1")], [("a", True, b"1")]),
        ([("a", False, b"b-1")], [("a", False, b""), ("b", False, b"1")]),
    ],
)
def test_any_difference_gives_another_digest(
    one: list[tuple[str, bool, bytes]], two: list[tuple[str, bool, bytes]]
) -> None:
    digests = [
        submission_digest(SubmittedFile(path=path, executable=bit, content=content) for path, bit, content in files)
        for files in (one, two)
    ]
    assert digests[0] != digests[1]


def test_the_order_files_are_given_in_does_not_matter(source: Path) -> None:
    files = read_files(source)
    assert submission_digest(files) == submission_digest(reversed(files))


@pytest.mark.parametrize("position", [0, 100, 515, -1])
def test_a_damaged_object_is_refused_and_put_mends_it(
    objects: Objects, source: Path, tmp_path: Path, position: int
) -> None:
    digest = objects.put(source)
    content = bytearray(objects.path(digest).read_bytes())
    objects.path(digest).write_bytes(content[:3000] if position == -1 else _flipped(content, position))
    with pytest.raises(TinnyError) as caught:
        objects.get(digest, tmp_path / "target")
    assert (caught.value.code, caught.value.where) == ("damaged-object", str(objects.path(digest)))
    assert not (tmp_path / "target").exists()
    assert objects.put(source) == digest
    objects.get(digest, tmp_path / "target")


def _flipped(content: bytearray, position: int) -> bytes:
    content[position] ^= 1
    return bytes(content)


def test_an_archive_that_climbs_out_is_damaged(objects: Objects, source: Path, tmp_path: Path) -> None:
    digest = objects.put(source)
    for name, kind in [("../out", tarfile.REGTYPE), ("/out", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)]:
        with tarfile.open(objects.path(digest), "w") as archive:
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
        with pytest.raises(TinnyError) as caught:
            objects.get(digest, tmp_path / "target")
        assert caught.value.code == "damaged-object"


def test_a_missing_object_and_a_wrong_digest_are_told_apart(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(TinnyError) as caught:
        objects.get("0" * 64, tmp_path / "target")
    assert caught.value.code == "no-object"
    for wrong in ("", "../../etc/passwd", "0" * 63 + "G"):
        with pytest.raises(UsageError) as refused:
            objects.get(wrong, tmp_path / "target")
        assert refused.value.code == "bad-digest"


def test_a_link_is_no_submission(objects: Objects, source: Path) -> None:
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(TinnyError) as caught:
        objects.put(source)
    assert (caught.value.code, caught.value.where) == ("odd-file", str(source / "link"))


def test_prune_leaves_what_is_named(objects: Objects, source: Path) -> None:
    kept = objects.put(source)
    (source / "app.py").write_bytes(b"changed\n")
    dropped = objects.put(source)
    assert objects.prune({kept}) == (dropped,)
    assert objects.files(kept)
    assert not objects.path(dropped).exists()
