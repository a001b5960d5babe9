"""Unmodified libraries, real servers: what a program sees of them is the same on either loop."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.cells")  # it compares, so it shows what differs
