"""DICOMweb as its user agent (PS3.18): QIDO-RS to ask, WADO-RS to fetch."""

from marrowcount_adapters.dicomweb_client.archive import WebArchive

__all__ = ["WebArchive"]
