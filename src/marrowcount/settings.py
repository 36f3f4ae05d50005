"""Settings of the node: one TOML file and ``MARROWCOUNT_*`` environment variables, read once, then frozen.

The environment wins over the file; ``MARROWCOUNT_<SECTION>__<NAME>`` names a field, a list is written as JSON.
An unknown or wrong setting is refused with its name, its value and what is allowed.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.convergence import ICSH_MINIMUM_CELLS, ConvergenceRule, IntervalRule, StoppingRule
from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ENVIRONMENT_PREFIX",
    "CountSection",
    "EhrSection",
    "NodeSection",
    "PacsSection",
    "ReceiveSection",
    "Settings",
    "StoppingSection",
    "read_settings",
]

ENVIRONMENT_PREFIX: Final = "MARROWCOUNT_"
SETTINGS_FILE_VARIABLE: Final = "MARROWCOUNT_SETTINGS"
"""Environment variable that names the TOML file; the command line's ``--settings`` wins over it."""

OTHER_VARIABLES: Final = frozenset({SETTINGS_FILE_VARIABLE, "MARROWCOUNT_SHARED_DATA"})
"""Variables with our prefix that are no settings."""

AE_TITLE_LENGTH: Final = 16
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
NDC_LABELS: Final = tuple(cell_type.label for cell_type in NDC_CLASSES)


def _ae_title(text: str) -> str:
    title = text.strip()
    if not 1 <= len(title) <= AE_TITLE_LENGTH or "\\" in title or not title.isascii() or not title.isprintable():
        msg = "an AE title has 1 to 16 printable ASCII characters without backslash (PS3.5 6.2)"
        raise ValueError(msg)
    return title


def _caller(text: str) -> str:
    title, _, address = text.partition("@")
    return f"{_ae_title(title)}@{ip_address(address)}" if address else _ae_title(title)


def _ndc_class(label: str) -> str:
    if label not in NDC_LABELS:
        msg = f"one of {', '.join(NDC_LABELS)}"
        raise ValueError(msg)
    return label


def _zone(name: str) -> str:
    if name not in available_timezones():
        msg = "a zone of the IANA database, such as Europe/Berlin"
        raise ValueError(msg)
    return name


AeTitle = Annotated[str, AfterValidator(_ae_title)]
Caller = Annotated[str, AfterValidator(_caller)]
Port = Annotated[int, Field(ge=0, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NodeSection(_Section):
    """Who the node is and where it keeps things."""

    ae_title: AeTitle = "MARROWCOUNT"
    """Application entity title by which a PACS calls the node and by which it calls back."""
    host: str = "127.0.0.1"
    """Address to listen on. Loopback until you name another; then also name the callers."""
    port: Port = 11112
    """TCP port of the DICOM listener (11112 is registered for DICOM); 0 takes a free one."""
    data_folder: Path = Path("marrowcount-data")
    """Folder for received instances, results and the embedded database. Needs room for the slides (GB each)."""
    database_url: str = ""
    """SQLAlchemy URL, ``sqlite:///...`` or ``postgresql+psycopg://...``; empty: SQLite in the data folder."""


class ReceiveSection(_Section):
    """What the listener takes, and when a slide counts as complete."""

    allowed_callers: tuple[Caller, ...] = ()
    """Who may send: calling AE titles, or ``AE@address``. Empty allows any, which only a loopback listener may do."""
    allow_any_caller: bool = False
    """Confirm that a listener on a network address takes slides from anybody."""
    max_associations: Annotated[int, Field(ge=1, le=100)] = 10
    """Associations at the same time; more are rejected as a passing congestion."""
    max_instance_gib: Annotated[float, Field(gt=0)] = 32.0
    """Largest instance taken, in GiB."""
    disk_watermark_gib: Annotated[float, Field(ge=0)] = 2.0
    """Free space below which sending is refused as out of resources (A700), in GiB."""
    settle_s: Annotated[float, Field(ge=0)] = 10.0
    """Quiet time after the last instance of a slide whose frames are arithmetically complete, in seconds."""
    quiet_s: Annotated[float, Field(ge=0)] = 120.0
    """Quiet time where arithmetic cannot tell (sparse tiling, concatenations of unknown length), in seconds."""
    incomplete_s: Annotated[float, Field(ge=1)] = 1800.0
    """Time without a new instance after which a slide with known gaps is called incomplete, in seconds."""


class StoppingSection(_Section):
    """When to stop reading tiles; ``docs/stopping.md`` explains both rules."""

    rule: Literal["convergence", "interval"] = "convergence"
    """``convergence``: the histogram stands still (the paper's). ``interval``: a class is known well enough."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = ConvergenceRule().threshold
    """Convergence: chi-square distance under which a tile counts as still."""
    run: Annotated[int, Field(ge=1, le=1000)] = ConvergenceRule().run
    """Convergence: consecutive still tiles."""
    first_tile: Annotated[int, Field(ge=1)] = ConvergenceRule().first_tile
    """Convergence: tiles read before the rule is asked."""
    cell_class: Annotated[str, AfterValidator(_ndc_class)] = CellType.BLAST.label
    """Interval: the class to know."""
    width_percent: Annotated[float, Field(gt=0, le=100)] | None = None
    """Interval: stop when the 95 % interval is narrower than this, in percentage points; unset to ignore."""
    cut_offs_percent: tuple[Annotated[float, Field(gt=0, lt=100)], ...] = (5.0, 10.0, 20.0)
    """Interval: stop when the interval holds none of these decision points; empty to ignore."""
    minimum_cells: Annotated[int, Field(ge=ICSH_MINIMUM_CELLS)] = ICSH_MINIMUM_CELLS
    """Interval: cells counted before the rule is asked (ICSH 2008: 500)."""
    cap: Annotated[int, Field(ge=1)] = ConvergenceRule().cap
    """Both: tiles after which reading ends in any case."""

    @model_validator(mode="after")
    def _can_stop(self) -> StoppingSection:
        if self.rule == "interval" and self.width_percent is None and not self.cut_offs_percent:
            msg = "the interval rule needs width_percent or cut_offs_percent"
            raise ValueError(msg)
        return self

    def stopping_rule(self) -> StoppingRule:
        """The rule in the core's words."""
        if self.rule == "convergence":
            return ConvergenceRule(self.threshold, self.run, self.first_tile, self.cap)
        return IntervalRule(
            CellType.from_label(self.cell_class),
            self.width_percent,
            self.cut_offs_percent,
            self.minimum_cells,
            self.cap,
        )


class CountSection(_Section):
    """How slides are counted."""

    models_folder: Path | None = None
    """Folder that holds the model folders; unset: the models that come with marrowcount."""
    roi_model: str = "marrow-roi-0.2.0"
    """Model folder that picks the tiles fit for cytology."""
    cell_model: str = "marrow-cells-0.2.0"
    """Model folder that finds and classifies cells."""
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    """What runs the models: ``onnx`` on the processor, ``torch`` on a GPU; ``auto``: torch where there is a GPU."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Tiles judged at the same time, one processor core each."""
    finest_um_per_px: Annotated[float, Field(gt=0)] = 0.20
    """Finest resolution counted, in micrometres per pixel."""
    coarsest_um_per_px: Annotated[float, Field(gt=0)] = 0.30
    """Coarsest resolution counted, in micrometres per pixel: a 20x slide (0.5) is refused."""
    refused_distance: Annotated[float, Field(ge=1)] = 4.0
    """A slide whose stain, light, focus or number of cells lies outside of what training saw is counted with a warning,
    and refused beyond this distance: 1 is the edge of what training saw, 2 is half its width beyond."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 5
    """Times that a slide is tried before it is called failed."""
    lease_s: Annotated[float, Field(ge=5)] = 120.0
    """Time without a sign of life after which another worker takes a slide over, in seconds."""
    stopping: StoppingSection = StoppingSection()
    """When to stop."""


class PacsSection(_Section):
    """A PACS that gets annotations and reports by C-STORE."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    ae_title: AeTitle
    """Its AE title."""
    host: Annotated[str, Field(min_length=1)]
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""
    commitment: bool = True
    """Ask for storage commitment after sending."""


class EhrSection(_Section):
    """A FHIR R4 server that gets the differential as a transaction."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """FHIR service base, such as ``https://ehr.example.org/fhir``."""
    bearer_token_file: Path | None = None
    """File that holds a static bearer token; read at every delivery, never logged."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Time to wait for an answer, in seconds."""


class Settings(BaseSettings):
    """All settings; every one has a default that runs on one machine without any server."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    node: NodeSection = NodeSection()
    """Who the node is."""
    receive: ReceiveSection = ReceiveSection()
    """What it takes."""
    count: CountSection = CountSection()
    """How it counts."""
    pacs: tuple[PacsSection, ...] = ()
    """Where annotations and reports go."""
    ehr: tuple[EhrSection, ...] = ()
    """Where the differential goes."""
    patient_id_systems: dict[str, str] = Field(default_factory=dict)
    """URI of the patient identifier system for each text of Issuer of Patient ID (0010,0021); "" for none given."""
    organisation: str = "marrowcount site"
    """Name of the laboratory, as performer of the observations."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """IANA zone for times in headers that give none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which comes in as arguments; nothing else is read."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        receive = self.receive
        if self.node.host not in LOOPBACK and not receive.allowed_callers and not receive.allow_any_caller:
            msg = (
                f"node.host {self.node.host} can be reached from the network: name receive.allowed_callers, "
                "or set receive.allow_any_caller to true"
            )
            raise ValueError(msg)
        names = [pacs.name for pacs in self.pacs] + [ehr.name for ehr in self.ehr]
        if len(set(names)) < len(names):
            msg = f"destination names must be unique, these stand: {', '.join(names)}"
            raise ValueError(msg)
        if self.count.finest_um_per_px >= self.count.coarsest_um_per_px:
            msg = "count.finest_um_per_px must be below count.coarsest_um_per_px"
            raise ValueError(msg)
        return self

    @property
    def database_url(self) -> str:
        """The database in force."""
        return self.node.database_url or f"sqlite:///{self.node.data_folder.absolute() / 'ledger.sqlite'}"

    @property
    def results_folder(self) -> Path:
        """Where results lie."""
        return self.node.data_folder / "results"


def read_settings(file: Path | None = None) -> Settings:
    """Read the file (or the one that ``MARROWCOUNT_SETTINGS`` names, or none) and the environment.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown or wrong.
    """
    named = file or os.environ.get(SETTINGS_FILE_VARIABLE)
    table = _read_table(Path(named)) if named else {}
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**table)
    except ValidationError as error:
        raise SettingsError("wrong-setting", "\n".join(_complaints(error))) from None


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("unreadable-settings", f"{file}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError("unreadable-settings", f"{file} is not TOML: {error}") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {name.upper() for name in variable_names()}
    for name in environment:
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name.upper() not in known | OTHER_VARIABLES:
            allowed = ", ".join(sorted(known))
            raise SettingsError("unknown-setting", f"environment variable {name} names no setting; allowed: {allowed}")


def variable_names() -> Iterator[str]:
    """Every environment variable that sets something."""
    for name, field in Settings.model_fields.items():
        yield f"{ENVIRONMENT_PREFIX}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _nested_names(f"{ENVIRONMENT_PREFIX}{name}__", field.annotation)


def _nested_names(prefix: str, section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _nested_names(f"{prefix}{name}__", field.annotation)


def _complaints(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"]) or "settings"
        if fault["type"] == "extra_forbidden":
            yield f"{place}: there is no such setting; allowed here: {', '.join(_allowed_beside(fault['loc']))}"
        elif fault["type"] == "value_error" and isinstance(fault["input"], BaseModel):
            yield f"{place}: {fault['msg'].removeprefix('Value error, ')}"
        else:
            yield f"{place} = {fault['input']!r}: {fault['msg'].removeprefix('Value error, ')}"


def _allowed_beside(place: tuple[int | str, ...]) -> list[str]:
    fields = Settings.model_fields
    for part in place[:-1]:
        if isinstance(part, str):
            fields = _section_of(fields[part].annotation).model_fields
    return sorted(fields)


def _section_of(annotation: object) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return _section_of(get_args(annotation)[0])
