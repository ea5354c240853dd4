"""Every fact that is known of the fleet is on the page, where a person looks for it."""

from dataclasses import replace
from datetime import timedelta

from runs_assets.insight.fleet import Fleet
from runs_assets.plain_text.wording import percent
from runs_assets.report.page import report_page
from runs_assets_tests.conftest import NOW
from runs_assets_tests.report.reading import Element, cells, details, parsed, rows, section, table_below, text_of
from runs_assets_tests.report.stored import DOWN, FIRST_DAY, IMAGE, LAST_DAY, NAMELESS, SCRIPT, SHOWN_NAMES, UNREAD_DAY

TITLES = [
    "What is wrong now",
    "What has changed since yesterday",
    "All pipelines by day",
    "Each pipeline",
    "Incidents",
    "How fresh and how final it is",
]


def test_the_page_says_what_it_is_as_of_and_answers_in_its_heading(page: Element) -> None:
    assert text_of(page.find(".//h1")) == "1 is broken"
    assert text_of(page.find(".//title")) == "1 is broken - runs report"
    as_of = text_of(page.get_element_by_id("as-of"))
    assert as_of.startswith(
        "As of 2026-03-18 12:00 UTC. cloudcruise read until 2026-03-18 12:00 ; productsup read until"
    )


def test_the_sections_come_in_the_order_of_what_people_ask(page: Element) -> None:
    assert [text_of(heading) for heading in page.xpath("//main//h2")] == TITLES


def test_what_is_wrong_comes_with_since_why_and_how_bad_it_is(page: Element) -> None:
    [item] = section(page, TITLES[0]).xpath("./ol/li")
    assert [text_of(part) for part in item] == [
        "down",
        f"{SCRIPT} cloudcruise, owner: <b>Billing</b>",
        "since 2026-03-18 02:00 for 9 h 59 min",
        "43 % failed 10 of 23 in 24 h usual: 0 %",  # failures at 2 to 11; the run at 12 has not begun
        "10 failures in a row: not known (unknown) last failed run: p-down-0318T11<&>",
    ]
    [link] = item.xpath(".//a[starts-with(@href, 'https')]")
    assert link.get("href") == "https://app.example/runs/p-down-0318T11%3C%26%3E?a=1&b=2"
    assert link.get("rel") == "noreferrer"


def test_an_acknowledged_incident_has_its_note(fleet: Fleet) -> None:
    first = replace(fleet.pipelines[0], acknowledged="acknowledged: <vendor> is on it")
    page = parsed(report_page(replace(fleet, pipelines=[first, *fleet.pipelines[1:]]), with_charts=False))
    assert "acknowledged: <vendor> is on it" in text_of(section(page, TITLES[0]))
    assert "acknowledged: <vendor> is on it" in text_of(details(page, SCRIPT))


def test_where_nothing_is_wrong_the_page_says_so(fleet: Fleet) -> None:
    sources = [replace(one, status=replace(one.status, wrong=[])) for one in fleet.sources if one.status]
    page = parsed(report_page(replace(fleet, sources=sources, changes=[]), with_charts=False))
    assert text_of(page.find(".//h1")) == "Nothing needs attention"
    assert "Nothing needs attention." in text_of(section(page, TITLES[0]))
    assert "Nothing has." in text_of(section(page, TITLES[1]))


def test_a_source_that_was_never_judged_is_not_called_well(fleet: Fleet) -> None:
    sources = [replace(one, status=None, read_until=None) for one in fleet.sources]
    page = parsed(report_page(replace(fleet, sources=sources, pipelines=[], changes=[]), with_charts=True))
    not_judged = "(cloudcruise not judged, productsup not judged)"
    assert text_of(page.find(".//h1")) == f"It is not known what is wrong {not_judged}"
    wrong = text_of(section(page, TITLES[0]))
    assert "cloudcruise has not been judged. Materialize some days, or run `runs-assets refresh`." in wrong
    assert "Nothing needs attention" not in wrong
    assert "never" in text_of(section(page, TITLES[5]))


def test_a_source_that_was_not_read_lately_is_not_shown_as_how_it_is_now(fleet: Fleet) -> None:
    longest, until = timedelta(hours=6), "2026-03-18 12:00 UTC"
    at_last = replace(fleet, longest_unread=longest, as_of=NOW + longest)
    assert text_of(parsed(report_page(at_last, with_charts=False)).find(".//h1")) == "1 is broken"
    late = replace(at_last, as_of=NOW + longest + timedelta(minutes=1))
    page = parsed(report_page(late, with_charts=False))
    unread = f"(cloudcruise not read since {until}, productsup not read since {until})"
    assert text_of(page.find(".//h1")) == f"1 is broken {unread}"
    said = f"cloudcruise was last read up to {until}. Run `runs-assets doctor` to see why."
    assert said in text_of(section(page, TITLES[0]))
    sources = [replace(one, status=replace(one.status, wrong=[])) for one in late.sources if one.status]
    page = parsed(report_page(replace(late, sources=sources, changes=[]), with_charts=False))
    assert text_of(page.find(".//h1")) == f"Nothing needs attention, as far as is known {unread}"
    assert "Nothing needs attention, as far as is known." in text_of(section(page, TITLES[0]))


def test_where_acknowledgements_cannot_be_read_the_page_says_so(fleet: Fleet) -> None:
    page = parsed(report_page(replace(fleet, memory_fault="Not known: <b>damaged</b>."), with_charts=False))
    assert text_of(page.find(".//h1")) == "1 is broken"
    assert "Not known: <b>damaged</b>." in text_of(section(page, TITLES[0]))


def test_what_has_changed_leads_to_the_pipeline(page: Element, fleet: Fleet) -> None:
    [item] = section(page, TITLES[1]).xpath("./ul/li")
    assert text_of(item) == f"new 2026-03-18 02:00 {SCRIPT} (cloudcruise) : {fleet.changes[0].what}"
    [link] = item.xpath(".//a")
    assert page.xpath("//details[.//*[@id = $id]]/summary/h3", id=link.get("href")[1:])[0].text_content() == SCRIPT


def test_the_table_of_all_pipelines_has_their_figures(page: Element, fleet: Fleet) -> None:
    found = [cells(row) for row in page.get_element_by_id("fleet").xpath("./tbody/tr")]
    assert [row[1] for row in found] == [one.health.state for one in fleet.pipelines]
    first = found[0]
    assert first[0] == f"{SCRIPT} cloudcruise, <b>Billing</b>"
    # 24 runs on each of eight read days, and 12 on the last.
    assert first[2:6] == ["43 %", "0 %", str(8 * 24 + 12), "10"]
    names = [row.find("./th/a").text_content() for row in page.get_element_by_id("fleet").xpath("./tbody/tr")]
    assert sorted(names) == sorted([*SHOWN_NAMES.values(), "feed"])


def test_the_strip_says_in_words_what_it_shows(page: Element) -> None:
    labels = {
        row.find("./th/a").text_content(): row.xpath(".//svg/@aria-label")[0]
        for row in page.get_element_by_id("fleet").xpath("./tbody/tr")
    }
    assert labels[SCRIPT] == f"above usual on 1 of 10 days, most on {LAST_DAY} (83 %); 1 not read"  # 10 of 12
    assert labels[SHOWN_NAMES[NAMELESS]] == "above usual on 0 of 10 days; 1 not read"


def test_a_pipeline_has_a_row_for_each_day(page: Element, fleet: Fleet) -> None:
    [history] = [one for one in fleet.pipelines if one.health.pipeline_id == DOWN]
    table = rows(table_below(details(page, SCRIPT), "By day"))
    assert [row[0] for row in table] == [str(LAST_DAY - timedelta(days=back)) for back in range(10)]
    assert table[0][:5] == [str(LAST_DAY), "12", "10", "83 %", "55 - 95 %"]
    assert table[0][5:] == ["0 %", "30 s", "31 s", "worse than usual, may change"]  # two successes, of 30 and 31 s
    assert table[4] == [str(UNREAD_DAY), "not read"]
    known = {str(day.date): day for day in history.days}
    for row in (row for row in table if len(row) > 2):
        day = known[row[0]]
        assert row[1:4] == [str(day.runs), str(day.failed), percent(day.failure_rate)]


def test_a_pipeline_has_its_failures_reasons_and_parts(page: Element, fleet: Fleet) -> None:
    part = details(page, SCRIPT)
    [history] = [one for one in fleet.pipelines if one.health.pipeline_id == DOWN]
    failed = rows(table_below(part, "Last failed runs"))
    assert [row[4] for row in failed] == [f"p-down-0318T{hour:02}<&>" for hour in range(11, 1, -1)]
    assert failed[0][:4] == ["2026-03-18 11:00", "41 s", "not known (unknown)", "Site <u>A</u>"]
    assert rows(table_below(part, "Reasons")) == [["not known", "unknown", "10", "2026-03-18 02:00"]]
    assert rows(table_below(part, "Versions")) == [["<i>2.0</i>", "204", "10", "5 %"]]
    assert rows(table_below(part, "Sites")) == [["1</td>", "204", "10", "5 %"]]
    assert rows(table_below(part, "Workspaces")) == [["w'\"&", "204", "10", "5 %"]]
    assert rows(table_below(part, "Incidents")) == [["down", "2026-03-18 02:00", "still", "10"]]
    assert len(history.failures) == len(failed)


def test_of_many_rows_the_first_are_shown_and_the_others_counted(fleet: Fleet) -> None:
    sites = [{"dimension": "site", "value": f"s{n}", "completed": 9, "failed": 1} for n in range(12)]
    page = parsed(report_page(replace(fleet, pipelines=[replace(fleet.pipelines[0], parts=sites)]), with_charts=False))
    part = details(page, SCRIPT)
    assert len(rows(table_below(part, "Sites"))) == 10
    assert "and 2 more" in text_of(part)


def test_incidents_are_listed_with_how_long_they_lasted(page: Element) -> None:
    [table] = section(page, TITLES[4]).xpath(".//table")
    assert rows(table) == [["down", SCRIPT, "cloudcruise", "2026-03-18 02:00", "still", "9 h 59 min", "10"]]


def test_how_fresh_and_final_the_days_are(page: Element, fleet: Fleet) -> None:
    [table] = section(page, TITLES[5]).xpath(".//table")
    found = rows(table)
    assert found[0][:7] == ["cloudcruise", "2026-03-18 12:00 0 min ago", "9", "8", "7", "1", "0"]
    assert found[0][7] == "none"
    aside = [replace(fleet.sources[0], set_aside={"<no id>": 3})]
    changed = parsed(report_page(replace(fleet, sources=aside), with_charts=False))
    assert rows(section(changed, TITLES[5]).xpath(".//table")[0])[0][7] == "3: <no id>"


def test_days_before_the_first_one_that_was_read_are_left_out(page: Element, fleet: Fleet) -> None:
    assert len(fleet.days) == 90
    assert f"{FIRST_DAY} to {LAST_DAY}" in text_of(section(page, TITLES[2]))


def test_the_ids_of_pipelines_that_have_one_name_tell_them_apart(fleet: Fleet) -> None:
    same = [replace(one, health=replace(one.health, pipeline=IMAGE)) for one in fleet.pipelines[:2]]
    page = parsed(report_page(replace(fleet, pipelines=same), with_charts=False))
    shown = [text_of(row[0]) for row in page.get_element_by_id("fleet").xpath("./tbody/tr")]
    assert [one.split()[-1] for one in shown] == [one.health.pipeline_id for one in same]


def test_times_are_utc_and_machines_can_read_them(page: Element) -> None:
    times = page.xpath("//time")
    assert len(times) > 20
    assert all(time.get("datetime") == f"{text_of(time).replace(' ', 'T')}Z" for time in times)
    assert f"{NOW:%Y-%m-%d %H:%M}" == text_of(times[0])
