"""The environment that a workspace's process starts with: nothing that names a workspace."""

from __future__ import annotations

import os
import re
import sys

from crosscloud_mnist.reachability import no_proxy_for_loopback

_INHERITED = re.compile(
    r"PATH|LD_LIBRARY_PATH|LANG|LC_\w+|TZ|TMPDIR|USER|LOGNAME|(?:https?|all|no)_proxy"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|MLFLOW_LOGGING_LEVEL|DO_NOT_TRACK|\w+_DISABLE_TELEMETRY"
    r"|COVERAGE_PROCESS_CONFIG",  # of coverage.py: the tests measure this process, too
    re.IGNORECASE,
)


def clean_environment() -> dict[str, str]:
    """Return this process's variables without credentials, profiles and addresses."""
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    return {
        "MLFLOW_LOGGING_LEVEL": "WARNING",  # also before this process sets it for itself
        **inherited,
        **no_proxy_for_loopback(inherited),
        "HOME": os.devnull,  # no .databrickscfg, no .netrc, no .aws
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
