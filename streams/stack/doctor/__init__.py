"""The doctor: is everything well that the program needs, and what to do if not.

``facts`` gathers what is so, the other files judge it: each check is a small function
of the facts that gives one finding. The list of checks is in ``examination``.
"""

from streams.stack.doctor.examination import examine
from streams.stack.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
