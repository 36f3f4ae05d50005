"""DICOMweb as its user agent (PS3.18): QIDO-RS to ask, WADO-RS to fetch, STOW-RS to give back."""

from marrowcount_adapters.dicomweb_client.archive import WebArchive
from marrowcount_adapters.dicomweb_client.stow import StowDestination

__all__ = ["StowDestination", "WebArchive"]
