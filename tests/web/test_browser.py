"""In real Chromium: accessibility, small screens, without JavaScript, without a network, in print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from web.pages import COMPARE, PAGES, WRONG

pytestmark = pytest.mark.browser
WIDTHS = {"wide": 1280, "narrow": 390}


@pytest.fixture
def open_page(browser: Browser, base: str) -> Iterator[Callable[..., Page]]:
    """Open an address in a context of its own; whatever the page complains about fails the test."""
    contexts = []
    complaints: list[str] = []

    def refuse(route: Route) -> None:
        complaints.append(route.request.url)
        route.abort()

    def opened(address: str, width: int = 1280, **settings: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
        contexts.append(context)
        # only this machine may be asked
        context.route(lambda url: not url.startswith(base), refuse)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        page.goto(base + address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("address", PAGES + WRONG)
def test_no_axe_violation_and_no_sideways_scroll(
    open_page: Callable[..., Page], address: str, width: str
) -> None:
    page = open_page(address, WIDTHS[width])
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width]
    # colours are the same at both widths, and looking at them takes most of the time
    contrast = {"color-contrast": {"enabled": width == "wide"}}
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": contrast})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("address", ["/", COMPARE, "/about"])
def test_dark_page_has_no_axe_violation(open_page: Callable[..., Page], address: str) -> None:
    page = open_page(address, color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, dark[4:-1].split(","))) < 150
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scripts", [True, False], ids=["htmx", "no JavaScript"])
def test_a_comparison_is_built_with_the_form(open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page("/compare", java_script_enabled=scripts)
    page.select_option("#f-treatment", "upadacitinib-15-mg-qd")
    page.select_option("#f-outcome", "vte")
    page.click("text=Show")
    page.wait_for_selector("h1:has-text('upadacitinib 15 mg')")
    page.select_option("#f-treatment", "abrocitinib-200-mg-qd")
    page.click("text=Show")
    page.wait_for_selector("h1:has-text('abrocitinib 200 mg')")
    assert page.url.count("treatment=") >= 2 and "outcome=vte" in page.url
    assert page.locator("table.compare").count() == 1
    page.check("input[value='1000']")
    page.click("text=Show")
    page.wait_for_selector("text=per 1,000 people a year")
    page.click("a[aria-label='Remove upadacitinib 15 mg once daily']")
    page.wait_for_selector("h1:text-is('abrocitinib 200 mg once daily')")
    # the address is the state
    again = page.url
    page.goto(again)
    assert page.locator("h1").inner_text() == "abrocitinib 200 mg once daily"


def test_outcomes_are_added_and_taken_away(open_page: Callable[..., Page]) -> None:
    page = open_page(COMPARE + "&outcome=mace", java_script_enabled=False)
    page.select_option("#f-outcome", "nmsc")
    page.click("text=Show")
    shown = "table.compare tr.outcome a"
    expect(page.locator(shown)).to_have_text(["VTE", "MACE", "NMSC"])
    page.click("a[aria-label='Remove MACE']")
    expect(page.locator(shown)).to_have_text(["VTE", "NMSC"])


def test_going_back_after_htmx_shows_the_comparison_before(open_page: Callable[..., Page]) -> None:
    page = open_page(COMPARE)
    page.select_option("#f-treatment", "placebo")
    page.click("text=Show")
    page.wait_for_selector("h1:has-text('placebo')")
    page.go_back()
    page.wait_for_selector("h1:not(:has-text('placebo'))")
    assert "placebo" not in page.url


def test_a_number_leads_to_its_source(open_page: Callable[..., Page]) -> None:
    page = open_page(COMPARE, java_script_enabled=False)
    page.locator("table.compare td .num a").first.click()
    page.wait_for_url("**/row/events/*")
    assert page.locator("h2:text-is('Source')").count() == 1
    page.locator("section[aria-labelledby=source] a").first.click()
    page.wait_for_url("**/sources/*")


def test_zero_blank_and_value_look_different(open_page: Callable[..., Page]) -> None:
    page = open_page(COMPARE)
    zero = page.locator("table.compare .num.zero").first
    blank = page.locator("table.compare .num.blank").first
    assert "at most" in (zero.text_content() or "")
    assert blank.text_content() == "not reported"
    style = "el => getComputedStyle(el).fontStyle"
    assert (zero.evaluate(style), blank.evaluate(style)) == ("normal", "italic")


def test_figure_is_drawn_and_follows_the_screen(open_page: Callable[..., Page]) -> None:
    for width, size in ((1280, "wide"), (390, "narrow")):
        page = open_page(COMPARE, width)
        image = page.locator("picture img").first
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
        assert image.evaluate("image => image.naturalWidth") > 100
        assert f"size={size}" in image.evaluate("el => el.currentSrc")
        assert image.get_attribute("alt")


def test_keyboard_reaches_the_content_first(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_print_leaves_out_what_paper_cannot_use(open_page: Callable[..., Page]) -> None:
    page = open_page(COMPARE)
    page.emulate_media(media="print")
    assert not page.locator("form.ask").is_visible()
    assert not page.locator("header nav").is_visible()
    assert page.locator("table.compare").is_visible()
