"""Scanners that send small slides to a node which may die at any moment, and remember what it acknowledged."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, Peer, SentFile, Verdict, send_files
from small_slides import write_small_slide

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Scanners", "SmallSlide"]

SENT_AGAIN = 0.2
"""Share of sendings that repeat a slide which the node has whole."""
SENT_IN_PART = 0.3
"""Share of sendings that stop before the last file, so that the rest comes late."""
PAUSE_S = 0.3


@dataclass
class SmallSlide:
    """A slide and which of its files were acknowledged.

    Attributes:
        files: by SOP Instance UID.
    """

    number: int
    files: dict[str, Path]
    acknowledged: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return self.acknowledged == set(self.files)


class Scanners:
    """Several senders at once; each begins a new slide when few are under way.

    Attributes:
        slides: all that were begun.
        taken: set whenever something was acknowledged.
        oddities: answers that no sender may ever get.
    """

    def __init__(self, folder: Path, peer: Peer, seed: int, *, under_way: int = 8) -> None:
        self._folder, self._peer, self._seed, self._under_way = folder, peer, seed, under_way
        self._lock, self._stop = threading.Lock(), threading.Event()
        self.slides: list[SmallSlide] = []
        self.counted = 0
        self.taken = threading.Event()
        self.oddities: list[str] = []
        self.sendings = self.repeated = 0

    @contextmanager
    def at_work(self, scanners: int) -> Iterator[None]:
        """Send for as long as the block lasts."""
        threads = [threading.Thread(target=self._send_on, args=(number,), daemon=True) for number in range(scanners)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)

    def acknowledged(self) -> dict[str, Path]:
        """What the node said that it has: the files by SOP Instance UID."""
        with self._lock:
            return {uid: slide.files[uid] for slide in self.slides for uid in slide.acknowledged}

    def send_the_rest(self) -> None:
        """Send what was not acknowledged yet, and nothing else."""
        for slide in self.slides:
            rest = [path for uid, path in slide.files.items() if uid not in slide.acknowledged]
            if rest:
                send_files(rest, self._peer, Calling("SCANNER"), lambda sent, slide=slide: self._note(slide, sent))

    def _send_on(self, number: int) -> None:
        random = Random(f"{self._seed}/{number}")  # noqa: S311 - nobody is to be kept from guessing it
        calling = Calling("SCANNER", connect_s=2, associate_s=5, answer_s=20)
        while not self._stop.is_set():
            slide = self._chosen(random)
            files = list(slide.files.values())
            random.shuffle(files)
            if random.random() < SENT_IN_PART:
                files = files[: random.randint(1, len(files))]
            self.sendings += 1
            with suppress(PeerError):  # dead, or not up yet
                send_files(files, self._peer, calling, lambda sent, slide=slide: self._note(slide, sent))
            self._stop.wait(random.uniform(0, PAUSE_S))

    def _chosen(self, random: Random) -> SmallSlide:
        with self._lock:
            whole = [slide for slide in self.slides if slide.is_whole]
            if whole and random.random() < SENT_AGAIN:
                self.repeated += 1
                return random.choice(whole)
            missing = [slide for slide in self.slides if not slide.is_whole]
            if len(self.slides) - self.counted < self._under_way or not self.slides:
                self.slides.append(self._new(len(self.slides)))
                return self.slides[-1]
            return random.choice(missing or whole)

    def _new(self, number: int) -> SmallSlide:
        from pydicom import dcmread

        paths = write_small_slide(number, self._folder / str(number))
        uids = {str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID): path for path in paths}
        return SmallSlide(number, uids)

    def _note(self, slide: SmallSlide, sent: SentFile) -> None:
        with self._lock:
            if sent.verdict is Verdict.TAKEN:
                slide.acknowledged.add(sent.reference.sop_instance_uid)
                self.taken.set()
            elif sent.verdict is Verdict.REFUSED:
                self.oddities.append(f"{sent.reference.sop_instance_uid}: {sent.reason}")
