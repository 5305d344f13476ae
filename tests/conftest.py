"""Settings of every test: how many examples hypothesis draws."""

import os

from hypothesis import HealthCheck, settings

# The machines are shared: an example may take long for no reason of ours.
settings.register_profile(
    "quick",
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", max_examples=1_500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
