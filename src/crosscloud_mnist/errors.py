"""The errors that this package raises on purpose, as one tree.

Each message is one line that says what was found, what was expected and what to do next. The
command line and the REST endpoint show it as it is, without a traceback.

    CrosscloudError
    ├── ConfigurationError             a setting, a parameter or an environment variable
    ├── StorageInUseError              another run uses the same files
    ├── DataError                      data from outside
    │   ├── IdxError                   an IDX file
    │   └── ImageError                 an image
    ├── TrainingError                  training gave no model that can be trusted
    │   └── WorkerLostError            a worker, an executor or a connection was lost
    ├── BundleError                    a model bundle that cannot be built or read
    │   └── VerificationError          a digest, signature or golden prediction that differs
    ├── PromotionRejectedError         a gate rejected the candidate
    ├── RegistryError                  a workspace's tracking server or model registry
    ├── EndpointError                  a serving endpoint
    │   ├── EndpointUnavailableError   it cannot answer now; a retry may succeed
    │   │   └── InvalidResponseError   its response is not a prediction
    │   └── SmokeTestError             a wrong prediction, or clouds that differ
    ├── DriftError                     production differs from the training data
    └── DiagnosisError                 something that this project relies on is not as expected
"""


class CrosscloudError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(CrosscloudError):
    """A setting, a parameter or an environment variable is missing or not valid."""


class StorageInUseError(CrosscloudError):
    """Another run uses the same files of the storage, or the storage cannot be locked."""


class DataError(CrosscloudError):
    """Data from outside is missing or not valid."""


class IdxError(DataError):
    """An IDX file is missing, truncated or corrupted, or is not the expected one."""


class ImageError(DataError):
    """An image cannot be opened, or shows nothing that the model takes."""


class TrainingError(CrosscloudError):
    """Training did not give a model that can be trusted."""


class WorkerLostError(TrainingError):
    """A worker was lost during training: another attempt may succeed."""


class BundleError(CrosscloudError):
    """A model bundle cannot be built or read."""


class VerificationError(BundleError):
    """A bundle is not the one that was recorded or signed."""


class PromotionRejectedError(CrosscloudError):
    """A gate rejected the candidate; the registry's alias has not moved."""


class RegistryError(CrosscloudError):
    """A workspace's tracking server or model registry rejected a request, or did not respond."""


class EndpointError(CrosscloudError):
    """A serving endpoint rejected a request, did not respond, or gave a wrong response."""


class UnauthorizedError(EndpointError):
    """An endpoint wants a token, or another one."""


class EndpointUnavailableError(EndpointError):
    """An endpoint did not respond, or responded that it is unavailable.

    Attributes:
        retry_after: Seconds after which to retry, if the endpoint gave them.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidResponseError(EndpointUnavailableError):
    """An endpoint's response is not a prediction: another endpoint may give one."""


class SmokeTestError(EndpointError):
    """A prediction is wrong, an endpoint failed, or two clouds serve different bundles."""


class DriftError(CrosscloudError):
    """The images or the predictions of production differ from the training data."""


class DiagnosisError(CrosscloudError):
    """A check of ``doctor`` failed."""


def rebuild_error(name: str, message: str) -> CrosscloudError:
    """Return the error of that name, as another process sent it; no other class is looked up."""
    kind = globals().get(name)
    if isinstance(kind, type) and issubclass(kind, CrosscloudError):
        return kind(message)
    return RegistryError(message)
