"""An onnxruntime session of bytes that were verified, on the CPU, with the threads that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import onnxruntime
from onnxruntime.capi import (
    onnxruntime_pybind11_state as native,  # pyright: ignore[reportAttributeAccessIssue] - made in C++
)

from marrowcount.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["open_session"]

_FIRST_BYTE: Final = b"\x08"
"""Every ONNX file begins with the field ``ir_version``; a pickle or a zip archive begins otherwise."""

_LOADING_FAILED: Final = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)

Shape = tuple[int | None, ...]
"""None where the length is free (the number of pictures)."""


def open_session(path: Path, data: bytes, *, threads: int, takes: Shape, gives: Shape) -> onnxruntime.InferenceSession:
    """A session with one input and one output of the given shapes.

    Args:
        path: where the bytes came from, for messages only.
        data: the verified bytes of the file.
        threads: of one inference; more tiles at once are the caller's doing.
        takes: shape of the input.
        gives: shape of the output.

    Raises:
        ModelError: ``model-not-onnx``, ``model-shape-differs``.
    """
    if not data.startswith(_FIRST_BYTE):
        raise ModelError("model-not-onnx", f"{path} is not an ONNX file (a pickle or an archive?); it was not loaded")
    try:
        session = onnxruntime.InferenceSession(data, _options(threads), providers=["CPUExecutionProvider"])
    except _LOADING_FAILED as error:
        raise ModelError("model-not-onnx", f"{path} cannot be loaded as ONNX: {error}") from error
    _check(path, "input", session.get_inputs(), takes)
    _check(path, "output", session.get_outputs(), gives)
    return session


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads must not burn the cores that decode the next tile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _check(path: Path, what: str, found: Sequence[onnxruntime.NodeArg], expected: Shape) -> None:
    shapes = [tuple(length if isinstance(length, int) else None for length in node.shape) for node in found]
    if shapes != [expected] or found[0].type != "tensor(float)":
        raise ModelError(
            "model-shape-differs",
            f"{path} has {what} {[(node.name, node.type, node.shape) for node in found]}, "
            f"not one float tensor of {expected}; use a model made for this version",
        )
