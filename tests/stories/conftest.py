"""The whole product in front of simulated exchanges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.realpbx.product import Product
from tests.stories.simulated import Simulated
from tests.web.running import Running, running_reactor


@pytest.fixture(scope="module")
def reactor() -> Iterator[Running]:
    """The reactor that simulated exchanges run on, in a thread of the test."""
    with running_reactor() as running:
        yield running


@pytest.fixture
def pbx(reactor: Running) -> Iterator[Simulated]:
    """A simulated exchange that plays what it is told."""
    simulated = Simulated(reactor)
    yield simulated
    simulated.close()


@pytest.fixture
def installations() -> Iterator[list[Product]]:
    """Everything put into it is ended."""
    made: list[Product] = []
    yield made
    for product in made:
        product.close()


@pytest.fixture
def product_folder(tmp_path: Path) -> Path:
    """A folder for an installation."""
    return tmp_path / "product"
