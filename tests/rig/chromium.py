"""Debian's Chromium, driven by playwright."""

from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from rig import RigUnavailable

_PROGRAM = Path("/usr/bin/chromium")
_ARGUMENTS = ("--no-sandbox",)  # root has none


class Chromium:
    """A browser without a window, to be entered as a context."""

    def __init__(self) -> None:
        """Look whether it is there."""
        if not _PROGRAM.exists():
            raise RigUnavailable("Chromium is not installed; apt-get install chromium brings it")
        self._context = sync_playwright()
        self._browser: Browser | None = None

    def __enter__(self) -> Browser:
        """Start it."""
        driver: Playwright = self._context.__enter__()
        self._browser = driver.chromium.launch(executable_path=_PROGRAM, args=_ARGUMENTS)
        return self._browser

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._browser:
            self._browser.close()
        self._context.__exit__(None, None, None)
