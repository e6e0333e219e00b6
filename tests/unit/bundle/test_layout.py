"""The bundle on disk: complete or not written; rejected when it is not the one that was signed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import traceback
from dataclasses import replace

import mlflow.pyfunc
import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from crosscloud_mnist.bundle import (
    SAME_HOST_TOLERANCE,
    SIGNATURE,
    Bundle,
    Verifier,
    check_golden,
    digest_of,
    golden_difference,
    write,
)
from crosscloud_mnist.bundle.layout import MLMODEL
from crosscloud_mnist.bundle.signing import Signer
from crosscloud_mnist.errors import BundleError, ConfigurationError, VerificationError
from rehearsal.mnist_contract import mnist_contract


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    return Bundle(shutil.copytree(tiny_bundle.folder, tmp_path / "copy"), tiny_bundle.digest)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_what_is_read_is_what_was_written(tiny_bundle, tiny_contents):
    golden = tiny_bundle.golden()
    np.testing.assert_array_equal(golden.images, tiny_contents.golden.images)
    np.testing.assert_array_equal(golden.expected, tiny_contents.golden.expected)
    assert tiny_bundle.card() == tiny_contents.card
    assert tiny_bundle.contract() == mnist_contract()
    assert tiny_bundle.onnx.read_bytes() == tiny_contents.onnx
    assert check_golden(tiny_bundle, SAME_HOST_TOLERANCE) <= SAME_HOST_TOLERANCE


def test_what_the_report_and_the_gates_read_is_what_was_written(
    reported_contents, signer, tmp_path
):
    bundle = write(reported_contents, tmp_path / "bundle", signer)
    for read, written in (
        (bundle.examples().samples, reported_contents.examples.samples),
        (bundle.examples().mistakes, reported_contents.examples.mistakes),
        (bundle.test_predictions(), reported_contents.test_predictions),
    ):
        for name, value in vars(written).items():
            np.testing.assert_array_equal(getattr(read, name), value, err_msg=name)
    signature = bundle.signature()
    (images,), (probabilities,) = (json.loads(signature[each]) for each in ("inputs", "outputs"))
    assert (images["name"], images["tensor-spec"]["shape"]) == ("images", [-1, 28, 28])
    assert probabilities["tensor-spec"]["shape"] == [-1, 10]


def _change_signature(bundle, old, new):
    path = bundle.folder / MLMODEL
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_two_texts_of_one_signature_are_the_same(copy, tiny_bundle):
    _change_signature(copy, '"type": "tensor", "tensor-spec"', '"type":  "tensor",  "tensor-spec"')
    assert copy.has_signature_of(tiny_bundle)


def test_another_shape_is_another_signature(copy, tiny_bundle):
    _change_signature(copy, "[-1, 28, 28]", "[-1, 32, 32]")
    assert not copy.has_signature_of(tiny_bundle)


def test_a_model_without_a_signature_has_not_that_of_another(copy, tiny_bundle):
    _change_signature(copy, "signature:", "other:")
    assert not copy.has_signature_of(tiny_bundle)


@pytest.mark.parametrize("name", ["golden", "test_predictions", "examples"])
def test_a_pickle_in_a_bundle_is_never_loaded(copy, name):
    path = copy.folder / "artifacts" / f"{name}.npz"
    np.savez(path, images=np.array([{}], dtype=object), test_set=np.array([{}], dtype=object))
    with np.load(path, allow_pickle=True) as arrays:
        np.savez(path, **{f"samples_{key}": each for key, each in arrays.items()}, **arrays)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        getattr(copy, name)()


def test_a_bundle_without_examples_has_none(tiny_bundle):
    assert tiny_bundle.examples() is None


def test_a_contract_that_is_damaged_is_one_line(copy):
    path = copy.folder / "artifacts" / "contract.json"
    path.write_text("{}")
    message = r"is no valid contract \(KeyError: .*\), expected what training writes; train again$"
    with pytest.raises(BundleError, match=f"^{path} {message}"):
        copy.contract()


def test_holds_no_pickle_and_no_path_of_the_machine_that_trained(tiny_bundle):
    described = (tiny_bundle.folder / "MLmodel").read_text()
    assert "model_code_path: python_model.py" in described
    assert tempfile.gettempdir() not in described
    assert not list(tiny_bundle.folder.rglob("*.pkl"))


def test_a_graph_that_does_not_answer_as_keras_did_is_rejected(tiny_contents, signer, tmp_path):
    golden = tiny_contents.golden
    wrong = replace(golden, expected=golden.expected + np.float32(2e-5))
    with pytest.raises(BundleError, match="differ by up to 2e-05, expected at most 1e-05"):
        write(replace(tiny_contents, golden=wrong), tmp_path / "bundle", signer)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_bundle(tiny_contents, copy):
    with pytest.raises(ConfigurationError, match="there is no signing key"):
        write(tiny_contents, copy.folder, Signer(None))
    assert digest_of(copy.folder) == copy.digest
    assert [path.name for path in copy.folder.parent.iterdir()] == ["copy"]


def test_the_digest_covers_names_and_contents_but_not_the_file_that_mlflow_adds(copy):
    (copy.folder / "registered_model_meta").write_text("model_name: x")
    assert digest_of(copy.folder) == copy.digest
    (copy.folder / "MLmodel").rename(copy.folder / "MLmodel2")
    assert digest_of(copy.folder) != copy.digest


def test_the_digest_is_that_of_what_sha256sum_prints_for_the_files_in_order(copy):
    files = sorted(
        path.relative_to(copy.folder).as_posix()
        for path in copy.folder.rglob("*")
        if path.is_file()
    )
    hashes = {name: hashlib.sha256((copy.folder / name).read_bytes()).hexdigest() for name in files}
    lines = "".join(f"{hashes[name]}  {name}\n" for name in files)
    assert hashlib.sha256(lines.encode()).hexdigest() == copy.digest
    for name in files:
        (copy.folder / name).write_bytes(b"")
    assert digest_of(copy.folder, hashes) == copy.digest  # read by who verified them, not again


def test_the_golden_set_may_differ_by_the_tolerance_itself(tiny_bundle):
    difference = golden_difference(tiny_bundle)
    assert check_golden(tiny_bundle, tolerance=difference) == difference


@pytest.mark.parametrize(
    "create", [lambda path: path.symlink_to("/etc/hostname"), os.mkfifo], ids=["link", "pipe"]
)
@pytest.mark.parametrize("name", ["artifacts/more", "registered_model_meta"])
def test_what_is_no_plain_file_is_rejected_before_anything_is_read(copy, verifier, create, name):
    create(copy.folder / name)
    for check in (digest_of, verifier.verify):
        with pytest.raises(VerificationError, match=f"{name} is not a plain file"):
            check(copy.folder)


def test_only_the_one_file_that_mlflow_adds_may_be_unsigned(copy, verifier):
    meta = copy.folder / "registered_model_meta"
    meta.write_text("model_name: x")
    assert digest_of(copy.folder, verifier.verify(copy.folder)) == copy.digest
    meta.unlink()
    meta.mkdir()
    (meta / "code.py").write_text("raise SystemExit")
    (meta / "more.py").write_text("")
    names = r"registered_model_meta/code\.py, registered_model_meta/more\.py"
    with pytest.raises(VerificationError, match=rf"{names} is not signed"):
        verifier.verify(copy.folder)


@pytest.mark.parametrize("name", ["MLmodel", "python_model.py", "artifacts/model.onnx"])
def test_a_flipped_byte_is_rejected_and_the_file_named(copy, verifier, name):
    verifier.verify(copy.folder)
    flip(copy.folder / name)
    with pytest.raises(VerificationError, match=rf"mismatch: \W+Hash mismatch for '{name}'\W+\)"):
        verifier.verify(copy.folder)


def test_the_file_is_named_for_every_form_of_its_digest_bytes(copy, verifier):
    for number in range(40):
        (copy.folder / "python_model.py").write_text(str(number))
        with pytest.raises(VerificationError, match="for 'python_model.py'") as raised:
            verifier.verify(copy.folder)
        assert "Digest(" not in str(raised.value)


def test_an_added_and_a_missing_file_are_named(copy, verifier):
    (copy.folder / "sitecustomize.py").write_text("raise SystemExit")
    (copy.folder / "artifacts" / "golden.npz").unlink()
    with pytest.raises(VerificationError, match=r"sitecustomize\.py.*artifacts/golden\.npz"):
        verifier.verify(copy.folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"dsseEnvelope": {}}'])
def test_a_broken_signature_is_rejected_in_one_line(copy, verifier, content):
    (copy.folder / "model.sig").write_bytes(content)
    with pytest.raises(VerificationError, match="signature is not valid") as raised:
        verifier.verify(copy.folder)
    assert "\n" not in str(raised.value)


def test_a_missing_signature_is_rejected(copy, verifier):
    (copy.folder / "model.sig").unlink()
    message = r"has no model\.sig, expected .*; it is rejected: train and sign it again$"
    with pytest.raises(VerificationError, match=message):
        verifier.verify(copy.folder)


def test_the_signature_of_another_key_is_rejected(tiny_contents, verifier, tmp_path):
    other = Signer(str(tmp_path / "other.pem"), str(tmp_path / "other.pub"), generate=True)
    bundle = write(tiny_contents, tmp_path / "bundle", other)
    Verifier(str(tmp_path / "other.pub")).verify(bundle.folder)
    message = (
        r"signature is not valid \(Key mismatch: .*\), expected the sandbox's over exactly these "
        "files; it is rejected: fetch or train it again$"
    )
    with pytest.raises(VerificationError, match=message):
        verifier.verify(bundle.folder)
    with pytest.raises(ConfigurationError, match="^there is no verifying key, expected"):
        Verifier(None).verify(bundle.folder)


def test_the_signature_of_other_contents_is_rejected(
    copy, reported_contents, signer, verifier, tmp_path
):
    verifier.verify(copy.folder)
    other = write(reported_contents, tmp_path / "other", signer)
    signed, foreign = (json.loads((each.folder / SIGNATURE).read_text()) for each in (copy, other))
    signed["dsseEnvelope"]["signatures"] = foreign["dsseEnvelope"]["signatures"]
    (copy.folder / SIGNATURE).write_text(json.dumps(signed))
    with pytest.raises(VerificationError, match=r"\(it is not of the expected key\)"):
        verifier.verify(copy.folder)


@pytest.mark.parametrize("length", [40, 324])
def test_a_key_in_another_form_is_never_shown(tiny_contents, tmp_path, length):
    """As of ``base64 -w0``: too long for a file's name, and it would stand in the error."""
    key = "LS0tLS1CRUdJTiBQ" * (length // 16)
    for rejected in (Signer(key).check, lambda: Verifier(key).verify(tmp_path)):
        with pytest.raises(ConfigurationError, match="is no PEM text and no file") as raised:
            rejected()
        assert key[:16] not in "".join(traceback.format_exception(raised.value))


def test_keys_are_accepted_as_text_and_never_shown(tiny_contents, tmp_path):
    paths = tmp_path / "key.pem", tmp_path / "key.pub"
    bundle = write(tiny_contents, tmp_path / "a", Signer(*map(str, paths), generate=True))
    assert paths[0].stat().st_mode & 0o777 == 0o600
    private, public = (path.read_text() for path in paths)
    again = write(tiny_contents, tmp_path / "b", Signer(private))
    for each in (bundle, again):
        Verifier(public).verify(each.folder)
    with pytest.raises(ConfigurationError, match="verifying key cannot be used") as raised:
        Verifier(public.replace("M", "N")).verify(bundle.folder)
    assert public.splitlines()[1] not in str(raised.value)
    with pytest.raises(ConfigurationError, match="signing key cannot be used") as raised:
        write(tiny_contents, tmp_path / "c", Signer(private.replace("M", "N")))
    assert private.splitlines()[1] not in str(raised.value)


def test_a_key_pair_is_created_once(tiny_contents, tmp_path):
    signer = Signer(str(tmp_path / "key.pem"), str(tmp_path / "key.pub"), generate=True)
    write(tiny_contents, tmp_path / "a", signer)
    first = (tmp_path / "key.pem").read_text()
    write(tiny_contents, tmp_path / "b", signer)
    assert (tmp_path / "key.pem").read_text() == first


@pytest.fixture(scope="module")
def served(tiny_bundle):
    return mlflow.pyfunc.load_model(str(tiny_bundle.folder))


def test_mlflow_serves_the_graph_itself(served, tiny_bundle):
    golden = tiny_bundle.golden()
    answers = served.predict(golden.images.astype(np.float32))
    np.testing.assert_allclose(answers, golden.expected, atol=1e-6)


@pytest.mark.parametrize("value", [0.5, 1.9, 256, -1, 1e9, np.nan, np.inf])
def test_mlflow_rejects_values_that_are_no_pixels(served, value):
    images = np.zeros((2, 28, 28), np.float32)
    images[1, 3, 4] = value
    with pytest.raises(MlflowException, match="expected whole numbers 0 to 255|expected 0 to 255"):
        served.predict(images)


@pytest.mark.parametrize("shape", [(1, 27, 28), (28, 28), (1, 28, 28, 1), (0, 28, 28)])
def test_mlflow_rejects_shapes_that_are_no_images(served, shape):
    with pytest.raises(MlflowException):
        served.predict(np.zeros(shape, np.float32))
