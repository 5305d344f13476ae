"""What is told of the files of an import: their kinds, and what came to nothing."""

from collections import Counter
from dataclasses import dataclass, field

_PROBLEMS_KEPT = 20


@dataclass(slots=True)
class Noted:
    """Kinds of files, and the first problems; memory is bounded however many come."""

    kinds: Counter[str] = field(default_factory=Counter)
    _problems: list[str] = field(default_factory=list)
    _further: int = 0

    def problem(self, text: str) -> None:
        """Note a file or line that came to nothing."""
        if len(self._problems) < _PROBLEMS_KEPT:
            self._problems.append(text)
        else:
            self._further += 1

    @property
    def files(self) -> int:
        """Return how many files were read."""
        return self.kinds.total()

    @property
    def recognised(self) -> str:
        """Return how many files of each kind, in words."""
        return ", ".join(f"{count} x {kind}" for kind, count in self.kinds.items())

    @property
    def problems(self) -> list[str]:
        """Return the first problems, and how many more there were."""
        more = [f"and {self._further:,} more"] if self._further else []
        return self._problems + more
