"""The errors declutter raises. Each message names the file or page it speaks of."""


class DeclutterError(Exception):
    """Base of every error that declutter raises on purpose."""


class InputError(DeclutterError):
    """A file or page that can't be read as text (binary, no fitting encoding, unreadable)."""


class PageError(DeclutterError):
    """A page that can't or must not be judged; the message says why."""


class OutputError(DeclutterError):
    """An output that can't or must not be written (exists, inside the input, disk full)."""


class ProfileError(DeclutterError):
    """A file that is not a site profile, or one of a version this release can't read."""


class ModelError(DeclutterError):
    """A file that is not a declutter model, or one that doesn't fit the feature table."""


class GoldError(DeclutterError):
    """Gold data that can't be read: a missing file, an unknown label, a line number out of range."""


class MarkupWarning(UserWarning):
    """A text that is HTML: read as a dump, its tags would be judged as words."""
