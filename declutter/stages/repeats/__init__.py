"""Repetition over the pages of a site: which pages belong together, and on how many of them each line stands.

A `TemplateCounter` takes pages batch by batch and answers with a `Profile`: per site, the number of distinct pages
and the number of them each line stands on. Lines are compared by fingerprint, so digits, case, spaces, bullets and
punctuation make no difference. Pages that carry the same article (crawled twice) count as one page.

sketches.py: what is remembered of a page. counting.py: from sketches to counts. alike.py: pages of one article, pages
of one site. profile.py: the counts, on disk and looked up. domains.py: the site that a URL names.
"""

from declutter.stages.repeats.counting import TemplateCounter
from declutter.stages.repeats.domains import registered_domain
from declutter.stages.repeats.profile import Profile, Site
from declutter.stages.repeats.sketches import PageSketch, Sketches, SketchFolder, sketch

__all__ = [
    "PageSketch",
    "Profile",
    "Site",
    "SketchFolder",
    "Sketches",
    "TemplateCounter",
    "registered_domain",
    "sketch",
]
