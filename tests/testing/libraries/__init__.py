"""Real libraries, unmodified, inside the World, whose network does whatever a network may."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.worlds")  # it compares, so it shows what differs
