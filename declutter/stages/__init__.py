"""The stages, in the order in which a page meets them: segment, measure, repeats, features, judge, write."""
