"""Seeing that a store refuses a second put of one name, as commits need it."""

from streams.archive.site import Site
from streams.settings import ConfigurationError


def require_refusals(where: Site) -> None:
    """Put one file twice, under a name of its own that is removed again.

    A store that leaves out the condition of a put lets the second of two writers
    replace what the first one committed: rows would be lost, and nobody would know.

    Raises:
        ConfigurationError: The store takes both, or cannot be written at all.
    """
    from streams.archive.bucket import Bucket  # noqa: PLC0415 - only where there is one

    assert where.store is not None  # noqa: S101 - a disk has links for it
    place = Bucket(f"{where.store}/_trial", where.options)
    try:
        is_refused = place.refuses_a_second_put()
    except OSError as error:
        raise ConfigurationError(
            f"The archive {where} cannot be written: {error}."
        ) from error
    if not is_refused:
        raise ConfigurationError(
            f"The archive {where} is in a store that lets one writer replace what "
            f"another has committed (it does not heed If-None-Match): use a store that "
            f"does, or a folder."
        )
