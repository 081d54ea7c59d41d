"""What tests that train a model need."""

import pytest


def lightgbm_or_skip():
    """LightGBM; where it can't be loaded, the test or the whole module is skipped."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: the system has no libgomp
        pytest.skip(f"LightGBM, which grows the trees, can't be loaded: {error}", allow_module_level=True)
    return lightgbm
