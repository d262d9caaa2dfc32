"""The debugger in a real browser: keys typed into its page move the run, and its page asks nobody else for anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("textual_serve", reason="needs the extra [web]")
from browser import Tab, chromium, tab, until
from served import serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium here: apt-get install chromium"),
]


async def shows(page: Tab, *texts: str) -> str:
    """Wait until the terminal of the page holds texts, and return all of it."""
    seen = ""

    async def look() -> str:
        nonlocal seen
        seen = await page.text()
        return seen if all(text in seen for text in texts) else ""

    try:
        return str(await until(f"{texts} in the page", look))
    except AssertionError as error:
        raise AssertionError(f"{error}\n{page.complaints}\n{seen}") from None


def test_keys_typed_into_the_page_move_the_run(tmp_path: Path) -> None:
    (tmp_path / "my text.txt").write_text("The movie was not bad\n")

    async def use(address: str) -> None:
        async with tab(tmp_path / "browser") as page:
            await page.open(address)
            await shows(page, "t=0 (1 of 5)", "my text.txt", "units · backward")
            for key, there in (("n", "t=1 (2 of 5)"), ("n", "t=2 (3 of 5)"), ("s", "t=3 (4 of 5)")):
                await page.press(key)
                await shows(page, there)
            await page.press("N")
            await shows(page, "t=2 (3 of 5)")
            await page.press("?")
            await shows(page, "next token on the tape")
            await page.press("Escape")

            async def closed() -> bool:
                return "next token on the tape" not in await page.text()

            await until("the end of the help", closed)
            assert page.complaints == []
            server = address.partition("://")[2].partition("/")[0]
            assert all(one.partition("://")[2].startswith(f"{server}/") for one in page.asked_for)
            assert await page.evaluate("location.search") == ""  # the token is read off no screen
            assert any(one.startswith("ws://") for one in page.asked_for)
            await page.press("q")

            async def ended() -> bool:
                return bool(await page.evaluate("document.body.classList.contains('-closed')"))

            await until("the end of the debugger", ended)
            assert await page.evaluate("document.querySelector('#says').textContent") == "The debugger has ended."

    with serving(str(tmp_path / "my text.txt"), "--cell", "lstm", "--hidden", "8", "--bidirectional") as served:
        asyncio.run(use(served.page))
        assert served.leave() == (130, "")
