"""Provenance: one key's owner signed this very file, or the check that failed is named.

The bundles in tests/golden/oms are by the real tool; those that lie are made here.
"""

import base64
import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from agent.adapters.provenance import MAX_BYTES, OmsProvenance, check_bundle
from agent.core.manifest import ModelFile
from agent.errors import ConfigError, TrustError

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "oms"
MODEL = b"m" * 2000
SHA256 = hashlib.sha256(MODEL).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
KEY = ec.generate_private_key(ec.SECP256R1())
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pem(key):
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def resource(name, digest=SHA256, algorithm="sha256"):
    return {"name": name, "algorithm": algorithm, "digest": digest}


def statement(*resources, **changes):
    resources = resources or (resource("."),)
    digests = b"".join(bytes.fromhex(each["digest"]) for each in resources)
    root = hashlib.sha256(digests).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model.onnx", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256"},
            "resources": list(resources),
        },
        **changes,
    }


def encoded(content):
    return base64.b64encode(content).decode()


def bundle(said=None, *, key=KEY, payload_type=PAYLOAD_TYPE, **changes):
    """Return a bundle as a document; `changes` are to its envelope."""
    payload = json.dumps(statement() if said is None else said).encode()
    kind = payload_type.encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "publicKey": {"hint": hashlib.sha256(pem(key)).hexdigest()},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": encoded(payload),
            "payloadType": payload_type,
            "signatures": [{"sig": encoded(signature), "keyid": ""}],
            **changes,
        },
    }


def check(document, *, key=KEY):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    check_bundle(content, name="model.onnx", sha256=SHA256, key=pem(key))


def refusal(document, **given):
    with pytest.raises(TrustError) as refused:
        check(document, **given)
    return str(refused.value)


def without_hint(document):
    document["verificationMaterial"]["publicKey"] = {}
    return document


# --- what the real tool writes


@pytest.mark.parametrize("curve", ["p256", "p384", "p521"])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_the_real_tool_signed_is_vouched_for(curve, what):
    content = (GOLDEN / f"{curve}.{what}.sig").read_bytes()
    key = (GOLDEN / f"{curve}.pub.pem").read_bytes()
    check_bundle(content, name="model.onnx", sha256=SHA256, key=key)
    with pytest.raises(TrustError, match=r"SHA-256 of model.onnx: expected '.*', got"):
        check_bundle(content, name="model.onnx", sha256=OTHER, key=key)


def test_the_real_tools_bundle_by_another_key_is_refused():
    content = (GOLDEN / "p256.file.sig").read_bytes()
    for key in (pem(KEY), (GOLDEN / "p384.pub.pem").read_bytes()):
        with pytest.raises(TrustError, match="provenance: key: expected '"):
            check_bundle(content, name="model.onnx", sha256=SHA256, key=key)


# --- what is written here


def test_what_is_written_here_is_what_the_real_tool_writes():
    real = json.loads((GOLDEN / "p256.file.sig").read_bytes())
    ours = bundle()
    assert ours.keys() == real.keys()
    assert ours["dsseEnvelope"].keys() == real["dsseEnvelope"].keys()
    check(ours)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(statement(resource("model.onnx")), id="in_its_folder"),
        pytest.param(
            statement(resource("a"), resource("model.onnx"), resource("z", OTHER)),
            id="among_others",
        ),
        pytest.param(statement(later="whatever"), id="with_keys_of_later_versions"),
    ],
)
def test_a_file_is_vouched_for(said):
    check(bundle(said))


def test_a_bundle_without_hint_is_verified_all_the_same():
    check(without_hint(bundle()))
    other = ec.generate_private_key(ec.SECP256R1())
    message = refusal(without_hint(bundle(key=other)))
    assert message == (
        "provenance: signature: expected one by trust.provenance_key over this "
        "statement, got another"
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(
            statement(resource(".", OTHER)),
            f"SHA-256 of model.onnx: expected '{SHA256}', got '{OTHER}'",
            id="other_file",
        ),
        pytest.param(
            statement(resource("other.onnx")),
            "number of files named model.onnx: expected 1, got 0",
            id="other_name",
        ),
        pytest.param(
            statement(resource("model.onnx", OTHER), resource("model.onnx")),
            "number of files named model.onnx: expected 1, got 2",
            id="named_twice",
        ),
        pytest.param(
            statement(resource(".", algorithm="blake3")),
            "hash algorithm of model.onnx: expected 'sha256', got 'blake3'",
            id="other_hash",
        ),
        pytest.param(
            statement(subject=[{"digest": {"sha256": OTHER}}]),
            "digest over all files: expected '",
            id="inconsistent",
        ),
        pytest.param(
            statement(subject=[]), "number of subjects: expected 1, got 0", id="nobody"
        ),
        pytest.param(
            statement(_type="https://in-toto.io/Statement/v0.1"),
            "statement type: expected 'https://in-toto.io/Statement/v1', got 'https",
            id="statement_type",
        ),
        pytest.param(
            statement(predicateType="https://slsa.dev/provenance/v1"),
            "predicate type: expected 'https://model_signing/signature/v1.0', got 'ht",
            id="predicate_type",
        ),
        pytest.param(
            statement(
                predicate={
                    "serialization": {"method": "shards"},
                    "resources": [resource("model.onnx:0:2000")],
                }
            ),
            "serialization: expected 'files', got 'shards'",
            id="shards",
        ),
        pytest.param(
            statement(
                predicate={
                    "serialization": {"method": "files"},
                    "resources": [resource(".", "no digits")],
                }
            ),
            "digests: expected hexadecimal digits, got another text",
            id="no_digest",
        ),
        pytest.param([], "signed statement: expected the format", id="no_statement"),
    ],
)
def test_a_statement_of_something_else_is_refused(said, reason):
    assert refusal(bundle(said)).startswith(f"provenance: {reason}")


SIGNATURE = bundle()["dsseEnvelope"]["signatures"][0]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param(
            bundle(signatures=[SIGNATURE, SIGNATURE]),
            "number of signatures: expected 1, got 2",
            id="two_signatures",
        ),
        pytest.param(
            bundle(signatures=[]),
            "number of signatures: expected 1, got 0",
            id="no_signature",
        ),
        pytest.param(
            bundle(statement(resource("model.onnx")), signatures=[SIGNATURE]),
            "signature: expected one by trust.provenance_key",
            id="signature_of_another_statement",
        ),
        pytest.param(
            bundle(signatures=[{"sig": ""}]),
            "signature: expected one by trust.provenance_key",
            id="empty_signature",
        ),
        pytest.param(
            bundle(payload=encoded(b"{}")),
            "signature: expected one by trust.provenance_key",
            id="other_statement",
        ),
        pytest.param(
            bundle(payload="=" * 9),
            "bundle: expected the format of model_signing, got: Invalid base64",
            id="bad_base64",
        ),
        pytest.param(
            bundle(signatures=[{"sig": "!"}]),
            "bundle: expected the format of model_signing, got: Invalid base64",
            id="bad_base64_of_the_signature",
        ),
        pytest.param(
            bundle(payload_type="text/plain\x1b" * 99),
            f"payload type: expected '{PAYLOAD_TYPE}', got 'text/plain\\x1btext",
            id="payload_type",
        ),
        pytest.param(
            bundle() | {"mediaType": "text/html"},
            "media type: expected 'application/vnd.dev.sigstore.bundle.v0.3+json', got",
            id="media_type",
        ),
        pytest.param(
            bundle() | {"verificationMaterial": {"certificate": {"rawBytes": "AA=="}}},
            (
                "bundle: expected the format of model_signing, got: Object missing "
                "required field `publicKey`"
            ),
            id="certificate",
        ),
        pytest.param(
            b"<html>", "bundle: expected the format of model_signing", id="no_json"
        ),
        pytest.param(b"", "bundle: expected the format of model_signing", id="empty"),
        pytest.param(
            b"\xff", "bundle: expected the format of model_signing", id="no_text"
        ),
        pytest.param(
            b'{"x":' + b"[" * 60_000, "bundle: expected the format", id="nested"
        ),
        pytest.param(
            b" " * (MAX_BYTES + 1), "expected at most 65536 bytes, got 65537", id="long"
        ),
    ],
)
def test_a_bundle_that_is_none_is_refused(document, reason):
    message = refusal(document)
    assert message.startswith(f"provenance: {reason}")
    assert len(message) < 300
    assert message.isprintable()


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(content):
    assert refusal(content).startswith("provenance: ")


@given(index=st.integers(min_value=0), byte=st.integers(0, 255))
def test_a_bundle_with_a_changed_byte_says_the_same_or_is_refused(index, byte):
    content = bytearray((GOLDEN / "p256.file.sig").read_bytes())
    key = (GOLDEN / "p256.pub.pem").read_bytes()
    payload = json.loads(content)["dsseEnvelope"]["payload"]
    content[index % len(content)] = byte
    with suppress(TrustError):
        check_bundle(bytes(content), name="model.onnx", sha256=SHA256, key=key)
        assert payload.encode() in content


# --- the site's demand


def model_file():
    return ModelFile(
        format="onnx",
        sha256=SHA256,
        length=len(MODEL),
        opset=21,
        ir=10,
        input="features",
        output="probability",
    )


def test_a_model_without_bundle_does_not_meet_the_demand():
    demand = OmsProvenance(pem(KEY))
    demand.check(json.dumps(bundle()).encode(), model=model_file())
    with pytest.raises(TrustError, match=r"a bundle beside the model.*got none"):
        demand.check(None, model=model_file())


@pytest.mark.parametrize(
    ("key", "got"),
    [
        (b"", "something else"),
        (b"-----BEGIN PUBLIC KEY-----", "something else"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "another kind of key"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "secp256k1"),
    ],
)
def test_a_key_that_cannot_be_used_is_the_operators(key, got):
    with pytest.raises(ConfigError) as refused:
        OmsProvenance(key)
    assert str(refused.value) == (
        "trust.provenance_key: expected a public key in PEM on the curve P-256, P-384 "
        f"or P-521, got {got}"
    )
