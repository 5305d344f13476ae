"""A body in a person's own editor, in a file that nobody else can read."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from streams.settings import ConfigurationError


def edited(content: bytes, editor: Sequence[str]) -> bytes:
    """Open bytes in an editor and return what was saved.

    Args:
        content: The bytes.
        editor: Its command; the file is added to it.

    Returns:
        The file's bytes when the editor has ended. The file is removed, with whatever
        the editor has put beside it.

    Raises:
        ConfigurationError: The editor cannot be started, or fails.
    """
    # The folder is 0700, so that backups and swap files are hidden as well.
    with tempfile.TemporaryDirectory(prefix="undelivered-") as folder:
        file = Path(folder) / "callback.json"
        file.touch(mode=0o600)
        file.write_bytes(content)
        try:
            subprocess.run([*editor, str(file)], check=True)
            return file.read_bytes()
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigurationError(
                f"The editor {' '.join(editor)!r} failed ({error}): set VISUAL or "
                f"EDITOR to one that works."
            ) from error
