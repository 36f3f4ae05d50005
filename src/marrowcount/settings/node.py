"""Who the node is and where it keeps things."""

from __future__ import annotations

from pathlib import Path

from marrowcount.settings.kinds import AeTitle, Port, Section

__all__ = ["NodeSection"]


class NodeSection(Section):
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
