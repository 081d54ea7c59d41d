"""What all tests share: hypothesis without a deadline, since a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("declutter", deadline=None)
settings.load_profile("declutter")
