"""The page in a real browser: nothing goes wrong in it, and it does what it says."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from batchdub.cli.main import run_command
from batchdub.ledger import open_for_reading
from batchdub.report.axes import Axes
from batchdub.report.causes import Lead
from batchdub.report.digest import digest_of, standing_of_row
from batchdub.report.fields import report_row, shown_names
from batchdub.report.page import Page, Told, write_page
from tests.page.browser import CHROMIUM, open_browser
from tests.report.nights import make_night

pytestmark = [
    pytest.mark.xdist_group("page"),  # one browser for all of them
    pytest.mark.real_time,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed here"),
]

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\"'&amp;"
FOUND = "document.getElementById('found').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Give the page of a night of so many rows, made once."""
    made, folder = {}, tmp_path_factory.mktemp("pages")

    def page(rows, **night):
        name = f"{rows}{'-'.join(night)}"
        if name not in made:
            ledger = folder / ("hostile.db" if night else "night.db")
            make_night(ledger, rows, **night).close()
            made[name] = ledger.with_suffix(".html")
            arguments = ("--ledger", str(ledger), "--output", str(made[name]))
            assert run_command(["report", *arguments]) == 0
        return made[name]

    page.folder = folder
    return page


@pytest.fixture
def opened(browser, pages):
    """Open a page and see to it, at the end, that nothing went wrong in it."""
    tabs = []

    def open_(rows=430, *, night=None, **how):
        tabs.append(browser.open(pages(rows, **(night or {})), **how))
        return tabs[-1]

    yield open_
    for tab in tabs:
        assert tab.faults() == []
        tab.close()


def search(tab, text):
    return tab.ask(
        "(() => { const began = performance.now(), field = document.getElementById('search');"
        f" field.value = {text!r}; field.dispatchEvent(new Event('input', {{bubbles: true}}));"
        f" document.body.offsetHeight; return [{FOUND}, performance.now() - began]; }})()"
    )


def test_the_page_says_how_the_night_was(opened):
    """The title is what one reads in a list of tabs."""
    tab = opened()

    assert tab.ask("document.title") == "409 of 430 ordered, 18 need you · batchdub"
    assert tab.ask(FOUND) == "430 rows"
    assert tab.ask("document.querySelectorAll('#table tbody tr').length") == 100


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (800, "light"), (390, "dark"), (320, "light")]
)
def test_nothing_is_wider_than_the_window(opened, width, scheme):
    """On a phone one scrolls down, and only the grid sideways, in its own frame."""
    tab = opened(width=width, scheme=scheme)

    assert tab.ask("document.documentElement.scrollWidth <= window.innerWidth")


def test_search_and_filters_let_through_what_they_say(opened):
    """Words are all to be found, in any column and any case."""
    tab = opened()

    assert search(tab, "NOT accessible s01")[0] == "2 of 430 rows"
    assert search(tab, "skärgård")[0] == "143 of 430 rows"
    assert search(tab, "there is no such")[0] == "0 of 430 rows"
    assert tab.ask("document.getElementById('table').hidden")
    tab.ask("document.querySelector('button[type=reset]').click()")
    tab.ask("is.value = 'needs you'; is.dispatchEvent(new Event('input', {bubbles: true}))")
    assert tab.ask(FOUND) == "18 of 430 rows"
    assert tab.ask("location.hash") == "#rows?is=needs+you"


def test_a_cell_of_the_grid_leads_to_its_rows(opened):
    """With the keyboard as well, and the focus goes along."""
    tab = opened()
    tab.ask("document.querySelector('.grid td a').focus()")

    tab.press("Enter")

    tab.wait_for("document.activeElement.id === 'rows'")
    assert tab.ask(FOUND) == "10 of 430 rows"
    assert tab.ask("document.querySelector('#columns select').value") == "=01"


def test_a_link_to_a_filter_opens_filtered(opened):
    """A colleague is sent an address and not a description of clicks."""
    tab = opened(fragment="#rows?is=failed&c.language=fr&c.nothing=x")

    assert tab.ask(FOUND) == "3 of 430 rows"


def test_pages_of_rows_are_turned(opened):
    """A table of fifty thousand rows would stop the browser."""
    tab = opened()
    place = "document.getElementById('place').textContent"

    assert tab.ask("back.disabled")
    for _ in range(4):
        tab.ask("on.click()")
    assert tab.ask(place) == "401 to 430 of 430"
    assert tab.ask("on.disabled")


def test_a_row_shows_all_that_is_known_of_it(opened):
    """Every column of the report, in the row's own place."""
    tab = opened()
    button = "document.querySelector('#table .more')"

    tab.ask(f"{button}.click()")

    assert tab.ask(f"{button}.getAttribute('aria-expanded')") == "true"
    text = tab.ask("document.querySelector('#table dl').textContent")
    assert "https://media.example.com/harbour-lights/s01/e01.0.mp4" in text
    tab.ask(f"{button}.click()")
    assert tab.ask("document.querySelector('#table dl')") is None


def test_the_first_key_leads_past_the_page_to_its_rows(opened):
    """Who does not use a mouse need not walk through the grid."""
    tab = opened()

    tab.press("Tab")
    assert tab.ask("document.activeElement.textContent") == "Skip to the rows"
    tab.press("Enter")

    tab.wait_for("document.activeElement.id === 'rows'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(opened, scheme):
    """At least 4.5 to 1, as WCAG asks; measured on what is shown and not on the style sheet."""
    tab = opened(scheme=scheme)

    assert tab.ask(_FAINT) == []


def test_tables_have_captions_and_headers_and_fields_have_labels(opened):
    """A screen reader says what a cell belongs to."""
    tab = opened()

    assert tab.ask("[...document.querySelectorAll('table')].every(t => t.caption && t.tHead)")
    assert tab.ask("[...document.querySelectorAll('th')].every(th => th.scope)")
    assert tab.ask("[...document.querySelectorAll('input, select')].every(f => f.labels.length)")
    assert tab.ask("document.querySelectorAll('h1').length") == 1


def test_hostile_text_is_only_text(opened):
    """In a column, in an id and in an error, from a manifest or from the API."""
    tab = opened(100, night={"text": HOSTILE})

    assert tab.ask("document.querySelectorAll('img').length") == 0
    assert tab.ask("document.scripts.length") == 1
    assert search(tab, "onerror=alert")[0] == "100 rows"
    assert tab.ask("document.querySelector('.cause b').nextSibling.textContent").strip()
    assert HOSTILE in tab.ask("document.querySelector('main').textContent")
    assert tab.ask("document.querySelector('[onerror]')") is None
    assert tab.ask("document.documentElement.scrollWidth <= window.innerWidth")


def test_fifty_thousand_rows_stay_quick(browser, pages, tmp_path):
    """The file fits a mail, and a search is done before the next letter is typed."""
    pages(430)
    page = tmp_path / "large.html"
    _write_large(pages.folder / "night.db", page, 50_000)

    began = time.monotonic()
    tab = browser.open(page)

    assert time.monotonic() - began < 30
    assert page.stat().st_size < 4_000_000
    assert search(tab, "e04-ja again116")[0] == "2 of 50,000 rows"
    assert min(search(tab, f"not accessible {number}")[1] for number in range(5)) < 500
    assert tab.faults() == []
    tab.close()


def _write_large(ledger_path, page, rows):
    """Write a page of a night's rows, again and again, since to order so many takes a while."""
    with open_for_reading(ledger_path) as ledger:
        known = list(ledger.report_rows())
    names = list(known[0]["columns"])
    shown = shown_names(names)

    def rows_again():
        for number in range(rows):
            row = known[number % len(known)]
            yield {**row, "reference_id": f"{row['reference_id']}-again{number // len(known)}"}

    digest = digest_of(rows_again(), Axes("language", ("season",), "episode"))
    told = Told(datetime.now(UTC), "night.db", "", "", ["batchdub status"], Lead())
    packing = (
        (report_row(row, row["columns"], shown), standing_of_row(row)) for row in rows_again()
    )
    with page.open("w") as out:
        write_page(Page(digest, told, names), packing, out)


# Texts whose colour differs too little from what is behind them.
_FAINT = """
(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    if (["SCRIPT", "STYLE", "NOSCRIPT", "OPTION", "title"].includes(element.tagName)) continue;
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(element);
    if (!own || style.visibility === "hidden" || element.disabled) continue;
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(ink), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(element.tagName + "." + element.className + " " + ratio.toFixed(2));
  }
  return [...new Set(faint)].slice(0, 10);
})()
"""
