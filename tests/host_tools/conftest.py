import pytest
from programs import build_for

from host_tools.build import Program
from trainer.bundle import Bundle


@pytest.fixture(scope="session")
def host_program(shared_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The made-up bundle's firmware as a native process."""
    return build_for("host", shared_bundle, tmp_path_factory.mktemp("host_program") / "project")
