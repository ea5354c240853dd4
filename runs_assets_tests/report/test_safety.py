"""The page asks nobody for anything, runs nothing but its own script, and shows names from the APIs as text."""

import base64
import hashlib
import re
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from runs_assets.insight.fleet import Fleet
from runs_assets.report.page import report_page
from runs_assets.watch_file import WatchFile
from runs_assets_tests.report.reading import Element, attributes, parsed
from runs_assets_tests.report.stored import IMAGE, SCRIPT, SHOWN_NAMES

LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping", "manifest", "xlink:href"}
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f]")


@pytest.fixture(params=[True, False], ids=["with charts", "without charts"])
def each_page(fleet: Fleet, request: pytest.FixtureRequest) -> bytes:
    return report_page(fleet, with_charts=request.param)


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_names_from_the_apis_are_text(each_page: bytes) -> None:
    page = parsed(each_page)
    names = {heading.text_content() for heading in page.xpath("//summary/h3")}
    assert names == {*SHOWN_NAMES.values(), "feed"}
    assert page.xpath("//img | //i | //u | //b | //main//script") == []
    assert len(page.xpath("//script")) == 1
    labels = page.xpath("//@aria-label")
    assert f"Reasons of {SCRIPT}" in labels
    assert f"Chart of {IMAGE}" in labels


def test_nothing_turns_the_direction_of_the_text_or_cannot_be_seen(each_page: bytes) -> None:
    assert BIDI.findall(each_page.decode()) == []


def test_the_policy_allows_the_one_style_and_the_one_script_and_nothing_else(each_page: bytes) -> None:
    page = parsed(each_page)
    [policy] = page.xpath("//head/meta[@http-equiv = 'Content-Security-Policy']/@content")
    [style], [script] = page.xpath("//style/text()"), page.xpath("//script/text()")
    assert policy == (
        f"default-src 'none'; style-src {sha256(style)}; script-src {sha256(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_loaded_and_nothing_is_styled_or_run_in_place(each_page: bytes) -> None:
    page = parsed(each_page)
    found = list(attributes(page))
    assert [one for one in found if one[1] == "style" or one[1].startswith("on") or one[1] in LOADING] == []
    assert {tag for tag, name, value in found if name == "href" and not value.startswith("#")} == {"a", "link"}
    assert page.xpath("//link/@href") == ["data:,"]
    assert re.findall(r"url\((?!#unread\))|@import", each_page.decode()) == []


def test_links_lead_to_the_platform_without_saying_from_where(page: Element) -> None:
    links = [link for link in page.xpath("//a") if not link.get("href").startswith("#")]
    assert links
    assert {urlsplit(link.get("href")).netloc for link in links} == {"app.example"}
    assert {link.get("rel") for link in links} == {"noreferrer"}


@pytest.mark.parametrize(
    "template", ["javascript:alert(1)//{run_id}", "data:text/html,{run_id}", "http://x.example/{run_id}"]
)
def test_the_watch_file_takes_no_link_that_could_run(template: str) -> None:
    with pytest.raises(ValidationError, match="must begin with https"):
        WatchFile(links={"cloudcruise": template})


def test_ids_are_unique_and_every_link_within_the_page_leads_somewhere(each_page: bytes) -> None:
    page = parsed(each_page)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    targets = [value[1:] for _, name, value in attributes(page) if name == "href" and value.startswith("#")]
    named = [one for value in page.xpath("//@aria-labelledby") for one in value.split()]
    assert {*targets, *named} <= set(ids)


def test_the_page_is_built_for_keyboards_and_screen_readers(each_page: bytes) -> None:
    page = parsed(each_page)
    assert page.get("lang") == "en"
    assert [len(page.xpath(f"//{tag}")) for tag in ("header", "main", "nav", "footer", "h1")] == [1] * 5
    assert page.find("body")[0].get("class") == "skip"
    levels = [int(heading.tag[1]) for heading in page.xpath("//h1 | //h2 | //h3 | //h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for region in page.xpath("//*[@role = 'region']"):
        assert region.get("tabindex") == "0"
        assert region.get("aria-label")
    assert page.xpath("//table[not(ancestor::*[@role = 'region'])]") == []
    for drawing in page.xpath("//svg[not(@aria-hidden)]"):
        named = drawing.get("aria-label") or drawing.xpath("ancestor::figure/@aria-label")
        assert named
    assert page.xpath("//input[not(ancestor::label)] | //select[not(ancestor::label)]") == []


def test_without_javascript_no_tool_is_shown_that_does_nothing(page: Element) -> None:
    assert page.get_element_by_id("tools").get("hidden") is not None
    assert page.xpath("//button") == []
