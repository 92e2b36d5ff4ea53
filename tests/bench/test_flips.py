"""bench flips: twelve ways, drawn with a seed, and a page that tells right from wrong."""

from argparse import Namespace
from random import Random

import pytest

from alerts.findings.queries.query_regression import Limits
from bench.flips.__main__ import command_of
from bench.flips.controls import controls
from bench.flips.noise import moods, setup
from bench.flips.page import Figures, Told, page
from bench.flips.recording import Recording
from bench.flips.replay import drawn, replayed
from bench.flips.ways import flips
from collectors._base import Answer, AnyCollector
from collectors.index_layout import index_layout
from collectors.role_settings import role_settings
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled
from tests.fixtures.statement_costs import INDEX, TABLE
from tests.fixtures.statement_rows import statement

BEGIN = 1_800_000_000.0


def test_there_are_twelve_ways_and_the_same_seed_draws_the_same() -> None:
    drawn, again = flips(Random(7)), flips(Random(7))
    assert drawn == again
    assert len(drawn) == 12
    assert flips(Random(8)) != drawn
    assert not any(one.is_flip for one in controls(Random(7)))
    names = [one.name for one in (*drawn, *controls(Random(7)))]
    assert len(names) == len(set(names))


def test_every_statement_of_the_noise_is_another_one() -> None:
    """Texts that differ in constants alone would be one statement."""
    texts = [one.split("$text$")[1] for one in setup(Random(1), 500) if "$text$" in one]
    lists = {text.replace("x.", "").replace("max(", "").replace(")", "") for text in texts}
    assert len(texts) == 500
    assert len(lists) == 500


def test_moods_are_drawn_by_their_weights() -> None:
    found = moods(Random(1))
    titles = [next(found)[0].title for _ in range(200)]
    assert 80 < titles.count("as usual") < 180
    assert len(set(titles)) == 5


def test_the_page_marks_what_is_wrong() -> None:
    dropped, control = flips(Random(1))[0], controls(Random(1))[0]
    right = Told(dropped, "index dropped", 9.0, (4.0, 400.0))
    assert right.is_right
    assert not Told(dropped, "stale statistics").is_right
    told = [right, Told(control, "unknown")]
    command = command_of(Namespace(seed=1, versions="18", minutes=2.0, days=0.5, only=None))
    text = page(command, [Figures(18, days=2.0, told=told)], 520, 400)
    assert "flips --seed 1 --versions 18 --minutes 2 --days 0.5 --write'" in text
    assert "| an index is dropped | index dropped, 9.0 times, 4 → 400 blocks |" in text
    assert "| other parameters with more rows | **unknown, 0.0 times" in text
    assert "| controls of which something was told | 1 of 1 | 0 |" in text


def answers(window: int, dear: bool = False) -> dict[AnyCollector, Answer[object]]:
    """What a server answers that does the same in each window, except for the dear ones."""
    calls, at = 100 * window, BEGIN + 120.0 * window
    blocks = 4 * calls + 100_000 * dear
    reads = {"seq_scan": 100 * dear, "heap_blocks_hit": blocks, "last_analyze": BEGIN - 60.0}
    rows: dict[AnyCollector, list[object]] = {
        settings: [],
        role_settings: [],
        index_layout: [],
        user_tables: [filled(UserTable, **TABLE, **reads)],
        user_indexes: [filled(UserIndex, **{**INDEX, "idx_scan": calls})],
        stat_statements: [
            statement(1, calls, rows=calls, shared_blocks_hit=blocks, seconds=0.01 * blocks)
        ],
        statement_texts: [],
    }
    return {collector: Answer(own, at) for collector, own in rows.items()}


@pytest.mark.parametrize("dear", [False, True])
def test_a_day_is_made_of_recorded_windows(dear: bool) -> None:
    """The first answer of a piece is only where it begins."""
    recording = Recording()
    recording.begin("as usual")
    for window in range(60):
        recording.add(answers(window, dear and window >= 59), {})
    recording.begin("another")
    recording.add(answers(70), {})
    assert [len(windows) for _, windows in recording.pieces] == [59, 0]
    found = replayed(recording, Limits(windows=1, min_load=0.0), 180000, 1, 0.1)
    assert found.days == 0.1
    assert found.windows == 59
    assert found.statements == 1
    assert found.told == ({"as usual: sequential scan": 1} if dear else {})


def test_pieces_keep_their_course() -> None:
    pieces = [("a", [1, 2, 3]), ("b", [7, 8])]
    found = list(drawn(pieces, Random(3), 40))  # type: ignore[arg-type]
    assert len(found) == 40
    text = "".join(str(window) for _, window in found)
    assert set(text.replace("123", "").replace("78", "")) <= {"1", "2", "7"}
    assert {mood for mood, _ in found} == {"a", "b"}
