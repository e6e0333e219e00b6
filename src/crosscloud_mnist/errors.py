"""Everything that this package raises on purpose, as one tree.

Each message is one line that says what was found, what was expected and what to do next: the
command line and the REST endpoint show it as it stands, never with a traceback.

    CrosscloudError
    ├── ConfigurationError      a setting, a parameter or an environment variable
    ├── DataError               the IDX files, or an image
    │   ├── IdxError
    │   └── ImageError
    ├── TrainingError           training gave no trustworthy model
    │   └── WorkerLostError          a worker, an executor or a connection went away
    ├── BundleError             a model bundle that cannot be built or read
    │   └── VerificationError   a digest, a signature or a golden answer is not the recorded one
    ├── PromotionRejectedError        a gate said no; production is untouched
    ├── RegistryError           a workspace answered no, or did not answer
    ├── EndpointError           an endpoint answered no, did not answer, or answered wrongly
    │   ├── EndpointUnavailableError not at the moment: asked again, it or another may answer
    │   │   └── InvalidResponseError  what it returned is not a prediction
    │   └── SmokeTestError     an image was not named right, or the clouds are not alike
    └── DriftError           what is asked or answered is not what the model was trained for
"""


class CrosscloudError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(CrosscloudError):
    """A setting, a parameter or an environment variable is missing or cannot be used."""


class DataError(CrosscloudError):
    """Data from outside is not what it should be."""


class IdxError(DataError):
    """An IDX file is absent, truncated, corrupted, or holds something else."""


class ImageError(DataError):
    """An image cannot be opened, or no digit can be made out in it."""


class TrainingError(CrosscloudError):
    """Training did not give one trustworthy model."""


class WorkerLostError(TrainingError):
    """A slot went away while it trained: another attempt may well succeed."""


class BundleError(CrosscloudError):
    """A model bundle cannot be built or read."""


class VerificationError(BundleError):
    """A bundle is not the one that was recorded or signed."""


class PromotionRejectedError(CrosscloudError):
    """A gate refused the candidate; the registry's alias has not moved."""


class RegistryError(CrosscloudError):
    """A workspace's tracking server or model registry answered no, or did not answer."""


class EndpointError(CrosscloudError):
    """A serving endpoint answered no, did not answer, or answered wrongly."""


class EndpointUnavailableError(EndpointError):
    """An endpoint did not answer, or said that it cannot at the moment.

    Attributes:
        retry_after: Seconds that it asked to be left alone, where it said so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidResponseError(EndpointUnavailableError):
    """An endpoint's response is not a prediction: another endpoint may give one."""


class SmokeTestError(EndpointError):
    """An image was not named right, a cloud is down, or two clouds serve different bundles."""


class DriftError(CrosscloudError):
    """What is asked or answered has moved away from what the model was trained for."""
