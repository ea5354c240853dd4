"""The figures of many scores, as the lines of the table, and the limits that they are held to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite
from statistics import median

from runs_assets_tests.fleet.product import CALM, DOWN
from runs_assets_tests.fleet.scores import Outcome, Score
from runs_assets_tests.fleet.troubles import Wish

Figures = Mapping[str, float]
Row = list[str]
FAMILY_HEADER = ["planted", "told", "hours", "failed runs", "openings each", "closed", "other messages each"]
WORLD_HEADER = ["world", "false incidents", "DOWN of these", "notices", "echoes", "flagged", "flagged as"]


def families_of(scores: Iterable[Score]) -> dict[str, list[Outcome]]:
    """What came of the troubles, by family, in the order in which they are planned."""
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    for score in scores:
        for outcome in score.outcomes:
            found[outcome.trouble.family].append(outcome)
    return dict(found)


def family_rows(scores: Sequence[Score]) -> Iterator[Row]:
    """A line for each family of troubles."""
    for family, outcomes in families_of(scores).items():
        told = [outcome for outcome in outcomes if outcome.is_told]
        notices = sum(outcome.notices > 0 and not outcome.openings for outcome in told)
        closed = [outcome.is_closed for outcome in told if outcome.is_closed is not None]
        yield [
            family,
            f"{len(told)} of {len(outcomes)}{f' ({notices} as notice)' if notices else ''}",
            _typical([outcome.hours for outcome in told]),
            _typical([outcome.failures for outcome in told if outcome.trouble.run_ids]),
            _mean([outcome.openings for outcome in told]),
            f"{sum(closed)} of {len(closed)}" if closed else "",
            _mean([outcome.others for outcome in outcomes]),
        ]


def world_rows(scores: Sequence[Score]) -> Iterator[Row]:
    """A line for each kind of world: what is false, per 100 pipelines in 30 days."""
    for name, worlds in _by_world(scores).items():
        states = sum((score.states for score in worlds), Counter[str]())
        total = states.total()
        flagged = [(count / total, state) for state, count in states.most_common() if state not in CALM]
        numbers = (_false(worlds), _down(worlds), _notices(worlds), sum(len(score.echoes) for score in worlds))
        per_100 = 100 / sum(score.pipelines for score in worlds)
        yield [
            name,
            *(f"{number * per_100:.1f} ({number})" for number in numbers),
            f"{sum(share for share, _ in flagged):.2%}",
            ", ".join(f"{state} {share:.2%}" for share, state in flagged),
        ]


def figures_of(scores: Sequence[Score]) -> Figures:
    """By name; of every figure less is better.

    Of a family: the share that is `missed`, the median `hours` and the most `openings` of those that were told, and the
    share of these that was left `open`; the `told` share of what should not be told, all `messages` about what should
    be told at most once; the messages `beside` those about the source. False ones are per 100 pipelines in 30 days.
    """
    found: dict[str, float] = {}
    for family, outcomes in families_of(scores).items():
        found |= {f"{what}: {family}": value for what, value in _figures_of(outcomes).items()}
    for name, worlds in _by_world(scores).items():
        per_100 = 100 / sum(score.pipelines for score in worlds)
        found[f"false incidents: {name}"] = _false(worlds) * per_100
        found[f"false DOWN: {name}"] = _down(worlds) * per_100
        found[f"notices: {name}"] = _notices(worlds) * per_100
        found[f"flagged: {name}"] = sum(score.flagged for score in worlds) / len(worlds)
    return found


def _figures_of(outcomes: Sequence[Outcome]) -> Figures:
    told = [outcome for outcome in outcomes if outcome.is_told]
    match outcomes[0].trouble.wish:
        case Wish.NOT_TOLD:
            return {"told": len(told) / len(outcomes)}
        case Wish.AT_MOST_ONCE:
            return {"messages": max(it.openings + it.notices + it.others for it in outcomes)}
    found = {
        "missed": 1 - len(told) / len(outcomes),
        "hours": median([outcome.hours for outcome in told] or [inf]),
        "openings": max((outcome.openings for outcome in told), default=0),
        "open": sum(outcome.is_closed is False for outcome in told) / max(len(told), 1),
    }
    if outcomes[0].trouble.pipeline is None:
        found["beside"] = sum(outcome.others for outcome in outcomes) / len(outcomes)
    return found


def check(figures: Figures, limits: Figures) -> list[str]:
    """The figures that are worse than stated."""
    return [
        f"{name} is {figures[name]:.3g}, above {limit:.3g}"
        for name, limit in limits.items()
        if name in figures and figures[name] > limit
    ]


def _by_world(scores: Iterable[Score]) -> dict[str, list[Score]]:
    found: defaultdict[str, list[Score]] = defaultdict(list)
    for score in scores:
        found[score.name].append(score)
    return dict(found)


def _false(worlds: Iterable[Score]) -> int:
    return sum(len(score.false) for score in worlds)


def _down(worlds: Iterable[Score]) -> int:
    return sum(told.state == DOWN for score in worlds for told in score.false)


def _notices(worlds: Iterable[Score]) -> int:
    return sum(len(score.notices) for score in worlds)


def _typical(values: Sequence[float]) -> str:
    known = [value for value in values if isfinite(value)]
    return f"{median(known):.3g}, at most {max(known):.3g}" if known else ""


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else ""
