"""Trends: how numbers with a wall have moved, over minutes, days and restarts of the daemon."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from alerts.history.kind import History, HomeThread
from alerts.history.memory import Memory, Namespace
from alerts.history.samples import DAY, HOUR, MINUTE, STEPS, Sample, Samples, Series
from alerts.runway.rate import LEAST, Rate, daily_rate
from collectors._base import AnyAnswer, AnyCollector

FELL = 0.01
"""Share by which a value must fall to count as fallen."""
FIRST = 5
"""Points of an hour whose median is the level at its beginning."""
BURST_HOURS = 24
"""Hours whose bursts are remembered."""
BURSTS = ".bursts"
"""What the name of a room ends in where the bursts of its hours are kept."""
USUAL_HOURS = 8 * 24
"""Hours whose levels are usual ones: a week, and the day on which it ended."""
NEW_HOURS = 3
"""The last ones of these, which may belong to the climb that is judged."""


@dataclass(frozen=True, slots=True)
class Point:
    """One number in an answer."""

    key: str
    value: float
    epoch: str = ""
    """A change of it begins anew: a restart, another limit, a counter that was reset."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Trend of one number."""

    first: float
    """Unix seconds of the oldest sample."""
    newest: Sample
    minutes: Sequence[Sample]
    """Medians of the last two hours, the oldest first."""
    rate: Rate | None = None
    """Over days; None while there are too few."""
    burst: float = 0.0
    """How far it usually leaps above its hourly level, at the worst of most hours."""
    has_file: bool = True
    """Whether it is remembered for days."""
    usual_high: float | None = None
    """The highest hourly level of the last days, but for the last hours; None before a day."""

    @property
    def has_fallen(self) -> bool:
        """Whether it fell within the last two hours."""
        most = 0.0
        for sample in (*self.minutes, self.newest):
            if sample.value < most * (1 - FELL):
                return True
            most = max(most, sample.value)
        return False

    @property
    def rise(self) -> float:
        """By how much it has risen within the last hour, as far as that is known."""
        begin = self.newest.at - HOUR
        points = [sample.value for sample in self.minutes if sample.at >= begin]
        return self.newest.value - median(points[:FIRST]) if points else 0.0

    @property
    def known_at(self) -> float:
        """Unix seconds when there will be a rate over days."""
        return self.first + (LEAST + 0.1) * DAY


Seen = Mapping[str, Trend]
Points = Callable[[AnyAnswer], Iterable[Point]]


@dataclass(frozen=True, slots=True)
class Trends(History[Seen]):
    """The numbers that a function finds in the answers of a collector."""

    collector: AnyCollector
    room: str
    points: Points
    only_grows: bool = False
    """Whether a fall means that it began anew."""
    every: float = 0.0
    """Seconds between two answers that are looked at."""
    is_kept: bool = True
    """Whether it goes to the file; what has names that come and go must not fill that."""
    has_waves: bool = False
    """Whether its usual height is remembered, because it rises and falls every day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (self.collector,)

    @property
    def home(self) -> HomeThread:
        """The background thread: older samples are read from the file."""
        return HomeThread.background

    def recorder(self, memory: Memory, namespace: Namespace) -> "TrendsRecorder":
        return TrendsRecorder(self, memory, namespace.of(f"runway.{self.room}"))


class TrendsRecorder:
    """Makes samples of answers; what is seen is replaced as a whole."""

    def __init__(self, kind: Trends, memory: Memory, place: Namespace) -> None:
        self.kind, self.memory, self.place = kind, memory, place
        self.samples = memory.samples if kind.is_kept else Samples()
        self.tracks: dict[str, Track] = {}
        self.learned = float("-inf")
        self.seen: Seen = {}

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if answer.at - self.learned < self.kind.every:
            return
        self.learned, names = answer.at, set()
        for point in self.kind.points(answer):
            names.add(point.key)
            self._track(point, answer.at).note(answer.at, point.value)
        if not answer.missing:  # a database that was not asked has not lost its numbers
            self.tracks = {key: self.tracks[key] for key in self.tracks if key in names}
        self.seen = {key: track.trend() for key, track in self.tracks.items()}

    def restart(self) -> None:
        """Nothing begins anew: the epochs of the points tell what was reset."""

    def view(self, at: float) -> Seen:
        return self.seen

    def _track(self, point: Point, at: float) -> "Track":
        """Return the track of a point: the known one, or a new one where it began anew."""
        track = self.tracks.get(point.key)
        if track is None:
            epoch = self._remembered(point)
            track = self.tracks[point.key] = self._load(point.key, epoch)
        fell = self.kind.only_grows and track.newest and point.value < track.newest.value
        if fell or track.series.epoch.partition("@")[0] != point.epoch:
            epoch = f"{point.epoch}@{at:.0f}"
            if self.kind.is_kept:
                self.memory.put(self.place, point.key, epoch)
            track = self.tracks[point.key] = self._load(point.key, epoch)
        return track

    def _load(self, key: str, epoch: str) -> "Track":
        series = Series(self.place, key, epoch)
        track = Track(series, self.samples, self.kind.only_grows, self.kind.has_waves)
        track.load()
        return track

    def _remembered(self, point: Point) -> str:
        known = self.memory.get(self.place, point.key)
        return known if isinstance(known, str) else point.epoch


class Track:
    """One series: its newest samples, and what follows from the older ones."""

    def __init__(
        self, series: Series, samples: Samples, only_grows: bool, has_waves: bool = False
    ) -> None:
        self.series, self.samples, self.only_grows = series, samples, only_grows
        self.bursts_of = series._replace(key=series.key + BURSTS)
        self.minutes: deque[Sample] = deque(maxlen=int(STEPS[MINUTE] / MINUTE))
        self.raw: list[Sample] = []
        """Samples of the minute that is not over yet."""
        self.peaks: list[float] = []
        """Of the minutes of the hour that is not over yet: how far they leaped above it."""
        self.newest: Sample | None = None
        self.first: float | None = None
        self.rate: Rate | None = None
        self.bursts: deque[float] = deque(maxlen=BURST_HOURS)
        self.levels: deque[float] = deque(maxlen=USUAL_HOURS if has_waves else 0)
        """Of the last hours, the oldest first."""

    def load(self) -> None:
        """Take up what was kept before."""
        self.minutes.extend(self.samples.read(self.series, MINUTE, 0))
        self.newest = self.minutes[-1] if self.minutes else None
        self._look_back()
        bursts = self.samples.read(self.bursts_of, HOUR, 0)
        self.bursts.extend(sample.value for sample in bursts[-BURST_HOURS:])
        if self.levels.maxlen and self.newest:
            begin = self.newest.at - USUAL_HOURS * HOUR
            self.levels.extend(s.value for s in self.samples.read(self.series, HOUR, begin))

    def note(self, at: float, value: float) -> None:
        """Take note of a value; what is full by then becomes a coarser sample."""
        if self.raw and at // MINUTE != self.raw[-1].at // MINUTE:
            self._end_minute()
        if self.minutes and at // HOUR != self.minutes[-1].at // HOUR and not self.raw:
            self._end_hour(self.minutes[-1].at // HOUR, at)
        self.raw.append(Sample(at, value))
        self.newest = self.raw[-1]
        if self.first is None:
            self.first = at

    def trend(self) -> Trend:
        assert self.newest is not None
        assert self.first is not None
        return Trend(
            self.first,
            self.newest,
            tuple(self.minutes),
            self.rate,
            self._burst(),
            self.samples.has_file,
            self._usual_high(),
        )

    def _end_minute(self) -> None:
        values, at = [sample.value for sample in self.raw], self.raw[-1].at
        middle = values[-1] if self.only_grows else median(values)
        if self.minutes and at - self.minutes[0].at >= HOUR:
            recent = [s.value for s in self.minutes if s.at > at - HOUR]
            if recent:
                self.peaks.append(max(values) - median(recent))
        while self.minutes and self.minutes[0].at < at - STEPS[MINUTE]:
            self.minutes.popleft()
        self.minutes.append(Sample(at, middle))
        self.samples.add(self.series, MINUTE, at, middle)
        self.raw = []

    def _end_hour(self, hour: float, now: float) -> None:
        values = [s.value for s in self.minutes if s.at // HOUR == hour]
        end = (hour + 1) * HOUR
        middle = values[-1] if self.only_grows else median(values)
        self.samples.add(self.series, HOUR, end, middle)
        self.levels.append(middle)
        if self.peaks:
            burst = max(0.0, sorted(self.peaks)[-2:][0])
            self.bursts.append(burst)
            self.samples.add(self.bursts_of, HOUR, end, burst)
            self.peaks = []
        if now // DAY != hour * HOUR // DAY:
            self._end_day(hour * HOUR // DAY)
        self._look_back()

    def _end_day(self, day: float) -> None:
        hours = self.samples.read(self.series, HOUR, day * DAY)
        values = [sample.value for sample in hours if (sample.at - HOUR) // DAY == day]
        if values:
            middle = values[-1] if self.only_grows else median(values)
            at = (day + 1) * DAY if self.only_grows else (day + 0.5) * DAY
            self.samples.add(self.series, DAY, at, middle)

    def _look_back(self) -> None:
        """Learn from all that is kept what the rate is."""
        now = self.newest.at if self.newest else 0.0
        hours = self.samples.read(self.series, HOUR, now - STEPS[HOUR])
        days = self.samples.read(self.series, DAY, now - STEPS[DAY])
        known = [*days[:1], *hours[:1], *list(self.minutes)[:1]]
        if known:
            self.first = min(sample.at for sample in known)
        self.rate = daily_rate(hours, days)

    def _burst(self) -> float:
        """Return the burst of most hours: two of 24 are worse."""
        if not self.bursts:
            return max(0.0, max(self.peaks, default=0.0))
        ranked = sorted(self.bursts)
        return ranked[min(len(ranked) - 1, int(0.9 * len(ranked)))]

    def _usual_high(self) -> float | None:
        if len(self.levels) < DAY // HOUR:
            return None
        return max(list(self.levels)[:-NEW_HOURS])
