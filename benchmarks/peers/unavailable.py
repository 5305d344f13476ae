"""Why a peer cannot take part."""


class UnavailableError(Exception):
    """Something that a peer needs cannot be had here, in one sentence."""
