"""bench flips: twelve ways, drawn with a seed, and a page that tells right from wrong."""

from random import Random

from bench.flips.__main__ import Figures, Told, is_right, page
from bench.flips.noise import setup
from bench.flips.scenes import controls, flips


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


def test_the_page_marks_what_is_wrong() -> None:
    dropped, control = flips(Random(1))[0], controls(Random(1))[0]
    right = Told(dropped, "index dropped", 9.0, (4.0, 400.0))
    assert is_right(right)
    assert not is_right(Told(dropped, "statistics"))
    text = page([Figures(18, 1, days=2.0, false=["x"], told=[right, Told(control, "unknown")])])
    assert "| an index is dropped | index dropped, 9.0 times, 4 → 400 blocks |" in text
    assert "| other parameters with more rows | **unknown, 0.0 times" in text
    assert "1 in 2.0 days, 0.50 a day" in text
