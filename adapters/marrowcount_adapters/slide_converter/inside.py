# pyright: reportMissingImports=false
"""Runs in the converter's own environment, which has wsidicomizer and knows nothing of marrowcount.

One request comes on standard input, as JSON; the answer is the last line of standard output, as JSON. Standard error
may hold anything a library says, patient data among it, and is for nobody.

    python -I inside.py            convert what the request names
    python -I inside.py --check    say which versions are there, or what is missing
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""unshare(2)."""

NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"})

TILE_PX = 512
UM_PER_MM = 1000

PROFILE_DATE = slice(24, 36)
"""Where the header of an ICC profile says when it was made (ICC.1 section 7.2)."""

UNKNOWN_TIME = "19700101000000"
"""What wsidicomizer writes where it knows no time of acquisition."""


class RefusedError(Exception):
    """The file cannot be converted: a stable code, and words without patient data."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


def main() -> None:
    """Answer one request."""
    if sys.argv[1:] == ["--check"]:
        answer = check()
    else:
        request = json.load(sys.stdin)
        leave_network()
        limit(request["memory_bytes"])
        try:
            answer = {"converted": convert(request)}
        except RefusedError as error:
            answer = {"refused": error.code, "message": error.message}
        except Exception as error:  # noqa: BLE001 - a process boundary; the words of libraries may quote the file
            message = f"The converter could not read it ({type(error).__name__}); it may be damaged."
            answer = {"refused": "damaged", "message": message}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def check() -> dict[str, object]:
    """Whether everything is there."""
    try:
        import turbojpeg
        import wsidicomizer  # noqa: F401 - whether it can be imported is the question

        turbojpeg.TurboJPEG()
    except (ImportError, OSError, RuntimeError) as error:
        return {"missing": f"{type(error).__name__}: {error}"}
    return {"versions": {name: version(name) for name in ("wsidicomizer", "wsidicom", "opentile", "openslide-python")}}


def leave_network() -> None:
    """Into a network of its own without any interface, where the system allows that; and refuse to call in any case."""
    flags = NEW_NETWORK if os.geteuid() == 0 else NEW_USER | NEW_NETWORK
    ctypes.CDLL(None).unshare(flags)  # its failure is not fatal: the hook below holds, too

    def refuse(event: str, _arguments: tuple[Any, ...]) -> None:
        if event in NETWORK_EVENTS:
            raise PermissionError("a conversion has no business in the network")

    sys.addaudithook(refuse)


def limit(memory_bytes: int) -> None:
    """So that a broken file cannot take the machine with it."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """Write the slide's levels as DICOM files; what was written, and what the source said."""
    settle_profiles()
    uids, stamped = Uids(UUID(request["uid_namespace"])), Stamped(request)
    with opened(request, uids, stamped) as slide:
        stamped.learn(slide)
        freeze(stamped.acquired)
        files = slide.save(
            request["out"],
            uids,
            request["workers"],
            include_labels=False,
            include_overviews=False,
            include_thumbnails=False,
            add_missing_levels=True,
        )
        um_per_px = resolution(slide) or request["um_per_px"]
        return {"files": [Path(file).name for file in files], "um_per_px": um_per_px}


def opened(request: dict[str, Any], uids: Uids, stamped: Stamped) -> Any:  # noqa: ANN401 - untyped library
    """The slide by the library that knows its format; by another where only the person knows its resolution."""
    from wsidicomizer import WsiDicomizer
    from wsidicomizer.extras.openslide import OpenSlideSource

    how = {
        "include_confidential": False,
        "metadata_post_processor": stamped,
        "uid_generator": uids,
        "tile_size": TILE_PX,
    }
    slide = opened_as_it_is(request["source"], how)
    if slide is not None:
        return slide
    if request["um_per_px"] is None:
        text = "The file does not say its resolution; give slide.um_per_px in its metadata."
        raise RefusedError("no-resolution", text)
    metadata = with_resolution(request["um_per_px"])
    return WsiDicomizer.open(request["source"], metadata=metadata, preferred_source=OpenSlideSource, **how)


def opened_as_it_is(source: str, how: dict[str, Any]) -> Any:  # noqa: ANN401 - untyped library
    """None where the file does not say its resolution."""
    from wsidicomizer import WsiDicomizer

    try:
        slide = WsiDicomizer.open(source, **how)
    except NotImplementedError:
        raise RefusedError("unsupported-format", "No library of the converter reads this format.") from None
    except (KeyError, TypeError, ValueError) as error:
        if says_no_resolution(error):
            return None
        raise
    return slide if resolution(slide) else None


def with_resolution(um_per_px: float) -> Any:  # noqa: ANN401 - untyped library
    """Metadata that say nothing else."""
    from wsidicom.geometry import SizeMm
    from wsidicom.metadata import Image, Pyramid
    from wsidicomizer.metadata import WsiDicomizerMetadata

    spacing = SizeMm(um_per_px / UM_PER_MM, um_per_px / UM_PER_MM)
    return WsiDicomizerMetadata(pyramid=Pyramid(Image(pixel_spacing=spacing), []))


def says_no_resolution(error: Exception) -> bool:
    """Whether a library failed for want of it; they have no exception of their own for that."""
    return "MPP" in str(error) or "pixel spacing" in str(error).lower()


def resolution(slide: Any) -> float:  # noqa: ANN401 - untyped library
    """Micrometres per pixel of the base level; 0 where it is not known."""
    try:
        return float(slide.mpp.width)
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0.0


class Uids:
    """The same file with the same metadata gets the same identifiers, in the order in which they are asked for."""

    def __init__(self, namespace: UUID) -> None:
        self._namespace, self._given = namespace, 0

    def __call__(self) -> Any:  # noqa: ANN401 - pydicom's UID, which is imported late
        """The next one."""
        from pydicom.uid import UID

        self._given += 1
        return UID(f"2.25.{uuid5(self._namespace, str(self._given)).int}")


class Stamped:
    """Puts what the person gave into every header, and nothing made up beside it."""

    def __init__(self, request: dict[str, Any]) -> None:
        from pydicom import Dataset

        self._attributes = Dataset.from_json(request["attributes"])
        self._specimen = request["specimen"]
        self._acquired = request["acquired"]
        self._placeholder = request["unidentified"]

    @property
    def acquired(self) -> str:
        """When the slide was scanned, as a DICOM date and time."""
        return str(self._acquired)

    def learn(self, slide: Any) -> None:  # noqa: ANN401 - untyped library
        """Take the time of acquisition from the file where nobody gave it."""
        if self._acquired:
            return
        said = slide._source.base_metadata.pyramid.image.acquisition_datetime  # noqa: SLF001 - named nowhere else
        if said is not None:
            self._acquired = said.strftime("%Y%m%d%H%M%S")
        elif self._placeholder:
            self._acquired = UNKNOWN_TIME
        else:
            text = "The file does not say when it was scanned; give slide.acquired in its metadata."
            raise RefusedError("no-time", text)

    def __call__(self, dataset: Any, _metadata: Any) -> Any:  # noqa: ANN401 - untyped library
        """Change a header before it is written."""
        dataset.update(self._attributes)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.AcquisitionDateTime = self._acquired
        for sample in dataset.SpecimenDescriptionSequence:
            sample.SpecimenIdentifier = self._specimen
        return dataset


def settle_profiles() -> None:
    """Where a slide brings no ICC profile, wsidicom writes sRGB made at that moment; let it be made at a fixed one."""
    from wsidicom.metadata.schema.dicom.wsi import WsiMetadataDicomSchema

    profile = bytearray(WsiMetadataDicomSchema._create_default_icc_profile())  # noqa: SLF001 - made nowhere else
    profile[PROFILE_DATE] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    made_then = staticmethod(lambda: bytes(profile))
    setattr(WsiMetadataDicomSchema, "_create_default_icc_profile", made_then)  # noqa: B010 - so that types do not object


def freeze(acquired: str) -> None:
    """Content Date and Time are those of acquisition: what is converted twice is then equal, byte by byte."""
    import wsidicom.file.io.wsidicom_writer as writer

    moment = datetime.strptime(acquired[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007 - the header's own zone, if any

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Any:  # noqa: ANN401, ARG003 - datetime's signature
            return moment

    writer.datetime = Frozen


if __name__ == "__main__":
    main()
