"""What holds for all tests."""

from hypothesis import settings

# How long one example takes tells of the machine, not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
