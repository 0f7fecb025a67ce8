"""Who made a model file, where the site wants to know: OpenSSF Model Signing.

A bundle is one JSON document: an envelope (DSSE) with a signature over a statement
(in-toto) that names the files of a model by their hashes. Understood is what
`model_signing sign key` writes with an elliptic-curve key, for a file or its folder;
bundles of certificates and of identities are refused, as are older formats.
"""

import hashlib
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from agent.core.manifest import ModelFile
from agent.errors import ConfigError, TrustError

MAX_BYTES: Final = 65_536
_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
_MODEL_NAME: Final = "model.onnx"
# What a file is called that was signed without its folder.
_ALONE: Final = "."
_SHOWN_LENGTH: Final = 80
_Kind = TypeVar("_Kind", bound=msgspec.Struct)

_HASH_OF_CURVE: Final[dict[str, hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


class OmsProvenance:
    """The site's demand that one key's owner signed each model file.

    Args:
        key: The public key, in PEM; P-256, P-384 or P-521.

    Raises:
        ConfigError: The key cannot be used.
    """

    def __init__(self, key: bytes) -> None:
        _public_key(key)
        self._key = key

    def check(self, bundle: bytes | None, *, model: ModelFile) -> None:
        """Return if the bundle beside a model vouches for it.

        Raises:
            TrustError: It does not, or there is none; names the check.
        """
        if bundle is None:
            raise TrustError(
                "provenance: expected a bundle beside the model, as "
                "trust.provenance_key demands, got none"
            )
        check_bundle(bundle, name=_MODEL_NAME, sha256=model.sha256, key=self._key)


def check_bundle(bundle: bytes, *, name: str, sha256: str, key: bytes) -> None:
    """Return if the key's owner signed this very model file.

    Args:
        bundle: What stands beside the model, as JSON.
        name: The model's file name, as in the folder that was signed.
        sha256: Of the model's bytes, in lower-case hexadecimal digits.
        key: The public key, in PEM; P-256, P-384 or P-521.

    Raises:
        TrustError: The bundle does not say so; names the check.
        ConfigError: The key cannot be used.
    """
    public = _public_key(key)
    parsed = _bundle(bundle)
    _check_signature(parsed, public)
    statement = _decoded(
        parsed.envelope.payload, kind=_Statement, what="signed statement"
    )
    _check_statement(statement)
    _check_file(statement.predicate.resources, name=name, sha256=sha256)


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the document; the format wants other keys to be ignored."""


class _Signature(_Part, frozen=True):
    sig: bytes


class _Envelope(_Part, frozen=True):
    payload: bytes
    payload_type: str
    signatures: list[_Signature]


class _KeyHint(_Part, frozen=True):
    hint: str = ""


class _Material(_Part, frozen=True):
    public_key: _KeyHint


class _Bundle(_Part, frozen=True):
    media_type: str
    verification_material: _Material
    envelope: _Envelope = msgspec.field(name="dsseEnvelope")


class _Digest(_Part, frozen=True):
    sha256: str


class _Subject(_Part, frozen=True):
    digest: _Digest


class _Resource(_Part, frozen=True):
    name: str
    algorithm: str
    digest: str


class _Serialization(_Part, frozen=True):
    method: str


class _Predicate(_Part, frozen=True):
    resources: list[_Resource]
    serialization: _Serialization


class _Statement(_Part, frozen=True):
    subject: list[_Subject]
    predicate_type: str
    predicate: _Predicate
    type: str = msgspec.field(name="_type")


def _public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable_key("something else") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _unusable_key("another kind of key")
    if key.curve.name not in _HASH_OF_CURVE:
        raise _unusable_key(key.curve.name)
    return key


def _unusable_key(got: str) -> ConfigError:
    return ConfigError(
        "trust.provenance_key: expected a public key in PEM on the curve P-256, P-384 "
        f"or P-521, got {got}"
    )


def _bundle(content: bytes) -> _Bundle:
    """Return a bundle with exactly one signature; not yet verified."""
    if len(content) > MAX_BYTES:
        raise TrustError(
            f"provenance: expected at most {MAX_BYTES} bytes, got {len(content)}"
        )
    bundle = _decoded(content, kind=_Bundle, what="bundle")
    envelope = bundle.envelope
    _expect("media type", _MEDIA_TYPE, got=bundle.media_type)
    _expect("payload type", _PAYLOAD_TYPE, got=envelope.payload_type)
    _expect("number of signatures", 1, got=len(envelope.signatures))
    return bundle


def _check_signature(bundle: _Bundle, key: ec.EllipticCurvePublicKey) -> None:
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hint = bundle.verification_material.public_key.hint
    if hint:
        # Signed by nobody: it tells a wrong key from a wrong signature, no more.
        _expect("key", hashlib.sha256(pem).hexdigest(), got=hint)
    envelope = bundle.envelope
    # DSSE 1.0, protocol: what is signed tells the lengths, so nothing can shift.
    signed = b"DSSEv1 %d %b %d %b" % (
        len(_PAYLOAD_TYPE),
        _PAYLOAD_TYPE.encode(),
        len(envelope.payload),
        envelope.payload,
    )
    try:
        key.verify(
            envelope.signatures[0].sig, signed, ec.ECDSA(_HASH_OF_CURVE[key.curve.name])
        )
    except InvalidSignature as error:
        raise TrustError(
            "provenance: signature: expected one by trust.provenance_key over this "
            "statement, got another"
        ) from error


def _check_statement(statement: _Statement) -> None:
    predicate = statement.predicate
    _expect("statement type", _STATEMENT_TYPE, got=statement.type)
    _expect("predicate type", _PREDICATE_TYPE, got=statement.predicate_type)
    _expect("serialization", "files", got=predicate.serialization.method)
    _expect("number of subjects", 1, got=len(statement.subject))
    expected = _root_of(predicate.resources)
    _expect("digest over all files", expected, got=statement.subject[0].digest.sha256)


def _root_of(resources: list[_Resource]) -> str:
    """Return the SHA-256 of all digests one after another, in their order."""
    try:
        digests = [bytes.fromhex(resource.digest) for resource in resources]
    except ValueError as error:
        raise TrustError(
            "provenance: digests: expected hexadecimal digits, got another text"
        ) from error
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _check_file(resources: list[_Resource], *, name: str, sha256: str) -> None:
    found = [each for each in resources if each.name in (_ALONE, name)]
    _expect(f"number of files named {name}", 1, got=len(found))
    _expect(f"hash algorithm of {name}", "sha256", got=found[0].algorithm)
    _expect(f"SHA-256 of {name}", sha256, got=found[0].digest)


def _expect(what: str, expected: str | int, *, got: str | int) -> None:
    if got != expected:
        shown = f"{got!r:.{_SHOWN_LENGTH}}" if isinstance(got, str) else got
        raise TrustError(f"provenance: {what}: expected {expected!r}, got {shown}")


def _decoded(content: bytes, *, kind: type[_Kind], what: str) -> _Kind:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TrustError(
            f"provenance: {what}: expected the format of model_signing, got: {error}"
        ) from error
