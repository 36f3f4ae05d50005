"""``marrowcount`` and ``python -m marrowcount``."""

from __future__ import annotations

from marrowcount.main.cli import run


def main() -> None:
    """Run the command line."""
    run()


if __name__ == "__main__":
    main()
