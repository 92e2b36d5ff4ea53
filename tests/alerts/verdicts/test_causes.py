"""One cause, one page: consequences stand under their cause, and nothing is lost."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from alerts._base import Reach, Severity
from alerts.verdicts.causes import Folded, fold
from alerts.verdicts.verdict import Subject, Verdict
from tests.fixtures.findings import BLOAT, HORIZON, bloat, finding, horizon
from tests.fixtures.overview import ill


def outline(folded: tuple[Folded, ...]) -> list[object]:
    """Finding and subject, each followed by what is under it."""
    lines: list[object] = []
    for one in folded:
        lines.append(f"{one.verdict.finding.name} {one.subject.evidence.subject}")
        if one.consequences:
            lines.append(outline(one.consequences))
    return lines


def of(severity: Severity, subject: Subject) -> Subject:
    return replace(subject, evidence=replace(subject.evidence, severity=severity))


def test_a_cause_of_server_scope_explains_all() -> None:
    """What holds vacuum back explains the bloat in every database."""
    elsewhere = bloat("public.b", 1, 0.5)
    elsewhere = replace(elsewhere, evidence=replace(elsewhere.evidence, database="other"))
    verdicts = [ill(BLOAT, bloat("public.a", 2, 0.5), elsewhere), ill(HORIZON, horizon())]
    assert outline(fold(verdicts)) == [
        "xmin_horizon_held replication slot reporting_old",
        ["table_bloat public.a", "table_bloat public.b"],
    ]


def test_a_cause_never_hides_what_is_worse() -> None:
    """A warning stands above no critical subject."""
    verdicts = [
        ill(BLOAT, of(Severity.critical, bloat("public.a", 2, 0.5))),
        ill(HORIZON, of(Severity.warning, horizon())),
    ]
    assert all(not one.consequences for one in fold(verdicts))


def test_what_has_a_cause_of_its_own_is_not_explained() -> None:
    """The judge knows that the other finding is not why."""
    own = bloat("public.a", 2, 0.5)
    own = replace(own, evidence=replace(own.evidence, is_consequence=False))
    assert all(not one.consequences for one in fold([ill(BLOAT, own), ill(HORIZON, horizon())]))


STALE = finding("autovacuum_off", "Autovacuum off", "storage", scope=Reach.database)
FULL = finding("slots_full", "Slots full", "sessions", because=("autovacuum_off",))
OFTEN = finding(
    "table_bloat", "Bloated table", "storage", scope=Reach.database, because=("autovacuum_off",)
)


def test_a_cause_of_one_object_explains_that_object() -> None:
    """The same table in another database, or another table, is another matter."""
    there = bloat("public.a", 3, 0.5)
    there = replace(there, evidence=replace(there.evidence, database="other"))
    cause = replace(there, evidence=replace(there.evidence, database="shop", subject="cause"))
    verdicts = [
        ill(STALE, cause),
        ill(OFTEN, bloat("public.a", 1, 0.5), bloat("public.b", 1, 0.5), there),
    ]
    assert outline(fold(verdicts)) == [
        "autovacuum_off cause",
        ["table_bloat public.a"],
        "table_bloat public.b",
        "table_bloat public.a",
    ]


def test_a_cause_of_a_database_explains_what_is_in_it() -> None:
    """A cause that names no object reaches as far as its database."""
    cause = bloat("public.a", 3, 0.5)
    cause = replace(cause, evidence=replace(cause.evidence, object=None, subject="shop"))
    verdicts = [ill(STALE, cause), ill(OFTEN, bloat("public.b", 1, 0.5))]
    assert outline(fold(verdicts)) == ["autovacuum_off shop", ["table_bloat public.b"]]


def test_trouble_in_a_database_explains_no_trouble_of_the_whole_server() -> None:
    """Nor does its alert silence the other's: nobody knows that one is the reason."""
    cause = bloat("public.a", 3, 0.5)
    whole = replace(cause, evidence=replace(cause.evidence, database=None, object=None))
    assert all(not one.consequences for one in fold([ill(STALE, cause), ill(FULL, whole)]))


def test_a_cause_that_names_a_database_explains_nothing_in_another() -> None:
    """Whatever its scope is: the age of one database is no reason for a vacuum in another."""
    aged = finding("aged", "Aged", "runway")
    vacuums = finding("vacuums", "Vacuum", "vacuum", scope=Reach.database, because=("aged",))
    here = bloat("public.a", 1, 0.5)
    there = replace(here, evidence=replace(here.evidence, database="other", subject="public.b"))
    cause = replace(here, evidence=replace(here.evidence, object=None, subject="shop"))
    assert outline(fold([ill(aged, cause), ill(vacuums, here, there)])) == [
        "aged shop",
        ["vacuums public.a"],
        "vacuums public.b",
    ]


def test_a_culprit_explains_nothing_of_another() -> None:
    """A session that is silent is no reason for what another one in the same database keeps."""
    silent = finding("silent", "Silent", "sessions", scope=Reach.database)
    holds = finding("holds", "Holds", "vacuum", scope=Reach.database, because=("silent",))

    def of(subject: str, culprit: str) -> Subject:
        one = bloat(subject, 1, 0.5)
        return replace(one, evidence=replace(one.evidence, object=None, culprit=culprit))

    verdicts = [
        ill(silent, of("cause", "7@one")),
        ill(holds, of("same", "7@one"), of("another", "8@two"), of("untold", "")),
    ]
    assert outline(fold(verdicts)) == [
        "silent cause",
        ["holds same", "holds untold"],
        "holds another",
    ]


def test_what_is_muted_explains_nothing() -> None:
    """Who asked not to hear of a cause still hears of what it does."""
    muted = replace(ill(HORIZON), muted=(horizon(),))
    assert outline(fold([muted, ill(BLOAT, bloat("public.a", 1, 0.5))])) == ["table_bloat public.a"]


def flat(folded: tuple[Folded, ...]) -> list[tuple[str, str]]:
    return [
        pair
        for one in folded
        for pair in (
            (one.verdict.finding.name, one.subject.evidence.subject),
            *flat(one.consequences),
        )
    ]


names = st.sampled_from("abcd")


@given(
    st.dictionaries(names, st.tuples(st.lists(names), st.sampled_from(Reach)), min_size=1),
    st.lists(st.tuples(names, st.sampled_from(["t", "u"]), st.sampled_from(Severity))),
)
def test_nothing_is_lost_however_causes_are_declared(
    declared: dict[str, tuple[list[str], Reach]], ill_ones: list[tuple[str, str, Severity]]
) -> None:
    """Circles included, every ill subject stands exactly once."""
    verdicts: list[Verdict] = []
    for name, (because, scope) in declared.items():
        made = finding(name, name, "made up", because=tuple(because), scope=scope)
        subjects = [
            of(severity, bloat(f"{table}{n}"[:1], 1, 0.5))
            for n, (of_name, table, severity) in enumerate(ill_ones)
            if of_name == name
        ]
        verdicts.append(ill(made, *subjects))
    expected = [(v.finding.name, s.evidence.subject) for v in verdicts for s in v.subjects]
    assert sorted(flat(fold(verdicts))) == sorted(expected)
