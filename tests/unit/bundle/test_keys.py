"""A key pair is created whole or not at all; a key that cannot be used is one line, never shown."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crosscloud_mnist.bundle import Signer, Verifier
from crosscloud_mnist.bundle.keys import check_public_key, create_key_pair
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage import atomic


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "keys" / "signing.pem", tmp_path / "keys" / "signing.pub"


def signer(paths):
    return Signer(*map(str, paths), generate=True)


def test_first_runs_at_once_create_one_pair_that_matches(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            paths = tmp_path / str(number) / "a.pem", tmp_path / str(number) / "a.pub"
            list(pool.map(lambda _, paths=paths: signer(paths).check(), range(8)))
            signer(paths).check()


def test_a_pair_is_created_only_where_that_is_asked_for(paths):
    with pytest.raises(ConfigurationError, match="the signing key is no PEM text and no file"):
        Signer(*map(str, paths)).check()
    assert not paths[0].exists()


def test_the_private_key_is_its_owner_s_alone_from_the_start(paths, monkeypatch):
    modes = []
    rename = os.rename

    def record(source, target):
        modes.append(stat.S_IMODE(Path(source).stat().st_mode))
        rename(source, target)

    monkeypatch.setattr(os, "rename", record)
    create_key_pair(*paths)
    assert modes == [0o600]
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600


def test_a_creation_that_fails_half_way_is_repeated_and_gives_a_pair(paths, monkeypatch):
    def interrupted(path, content):
        write(path, content)
        raise KeyboardInterrupt

    write = atomic.write_bytes
    with monkeypatch.context() as context:
        context.setattr(atomic, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            signer(paths).check()
    assert not paths[0].exists()
    signer(paths).check()
    names = {path.name for path in paths[0].parent.iterdir()} - {".signing.pem.lock"}
    assert names == {"signing.pem", "signing.pub"}


@pytest.mark.parametrize(("content", "found"), [(b"", "is empty"), (b"-----BEGIN", "is damaged")])
def test_an_empty_or_damaged_key_is_one_line_with_what_to_do(paths, content, found, tmp_path):
    signer(paths).check()
    for path, check, purpose in (
        (paths[1], lambda: Verifier(str(paths[1])).verify(tmp_path), "verifying"),
        (paths[0], signer(paths).check, "signing"),
    ):
        path.write_bytes(content)
        message = (
            f"the {purpose} key {path} cannot be used .it {found}.*move both files of the pair "
            "away to create a new one, and train again$"
        )
        with pytest.raises(ConfigurationError, match=message) as caught:
            check()
        assert "\n" not in str(caught.value)


def test_a_public_key_with_a_comment_and_other_line_ends_is_still_of_the_pair(paths):
    signer(paths).check()
    text = "of the sandbox\n" + paths[1].read_text().replace("\n", "\r\n")
    Signer(str(paths[0]), text).check()


def test_two_keys_that_are_no_pair_are_named_before_anything_is_signed(paths, tmp_path):
    signer(paths).check()
    other = tmp_path / "other.pem", tmp_path / "other.pub"
    signer(other).check()
    with pytest.raises(ConfigurationError, match="other.pub cannot be used .it is not that of the"):
        signer((paths[0], other[1])).check()


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"key pair .* cannot be created"):
        signer((tmp_path / "file" / "a.pem", tmp_path / "file" / "a.pub")).check()


def test_a_public_key_that_cannot_verify_is_one_line_before_a_bundle_is_fetched(paths):
    create_key_pair(*paths)
    check_public_key(str(paths[1]))
    check_public_key(paths[1].read_text())
    with pytest.raises(ConfigurationError, match="^there is no verifying key, expected"):
        check_public_key(None)
    damaged = paths[1].read_text().replace("M", "N")
    message = "^the verifying key cannot be used, expected .*; see credentials.yml$"
    with pytest.raises(ConfigurationError, match=message):
        check_public_key(damaged)
    paths[1].write_text(damaged)
    with pytest.raises(ConfigurationError, match=rf"^the verifying key {paths[1]} cannot be used"):
        check_public_key(str(paths[1]))
