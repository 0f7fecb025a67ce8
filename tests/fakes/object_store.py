"""A store that speaks S3, on loopback, for as long as it is needed."""

import os
from contextlib import contextmanager

from moto.server import ThreadedMotoServer
from pyarrow import fs

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def object_store():
    """Yield the options of an address that leads to the store: `s3://BUCKET?OPTIONS`.

    The credentials are in the environment meanwhile.
    """
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"scheme=http&endpoint_override={host}:{port}&region=eu-central-1"
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def make_bucket(name, options):
    """Make a bucket; return its address."""
    filesystem, _ = fs.FileSystem.from_uri(
        f"s3://{name}?{options}&allow_bucket_creation=true"
    )
    filesystem.create_dir(name)
    return f"s3://{name}/fleet?{options}"
