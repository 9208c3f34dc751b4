"""Where the operations are tested (until the suite's own `device` fixture covers this folder)."""

import pytest


@pytest.fixture(params=["cpu"])
def device(request):
    return request.param
