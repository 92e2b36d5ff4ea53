"""What pgvigil says of itself and of its verdicts: names and labels, for page, rules and panels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A family `pgvigil_*`; `server` is on every sample that concerns one server."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


UP = OwnMetric(
    "pgvigil_up", "gauge", "Whether the warm session to this server answers.", ("server",)
)
CAN_CONNECT = OwnMetric(
    "pgvigil_can_connect",
    "gauge",
    "Whether a new session could be opened when it was last tried, and why not.",
    ("server", "reason"),
)
SERVER_INFO = OwnMetric(
    "pgvigil_server_info",
    "gauge",
    "What this server is; the value is always 1.",
    ("server", "system_identifier", "cluster", "role", "version", "timeline"),
)
SERVER_TIME = OwnMetric(
    "pgvigil_server_time_seconds_total",
    "counter",
    "Time that this server has spent on queries of pgvigil.",
    ("server",),
)
SESSIONS = OwnMetric(
    "pgvigil_sessions", "gauge", "Sessions that pgvigil holds on this server.", ("server",)
)
DATABASES = OwnMetric(
    "pgvigil_databases", "gauge", "Databases of this server that are watched.", ("server",)
)

LOCK_LOOK_INTERVAL = OwnMetric(
    "pgvigil_lock_look_interval_seconds",
    "gauge",
    "Time between two looks at the locks as it is now; shorter while somebody waits.",
    ("server",),
)
LOCK_MEMORY = OwnMetric(
    "pgvigil_lock_memory_entries",
    "gauge",
    "What is remembered of who locks what in which order; it is bounded.",
    ("server",),
)
LOCK_WAITING_MOST = OwnMetric(
    "pgvigil_lock_waiting_sessions_max",
    "gauge",
    "Most sessions seen waiting for a lock at a time, within a minute or two scrape intervals.",
    ("server",),
)
LOCK_CHAIN_MOST = OwnMetric(
    "pgvigil_lock_chain_sessions_max",
    "gauge",
    "Sessions in the longest chain of waits seen, within a minute or two scrape intervals.",
    ("server",),
)
LOCK_FAN_IN_MOST = OwnMetric(
    "pgvigil_lock_fan_in_sessions_max",
    "gauge",
    "Most sessions seen waiting for one and the same, within a minute or two scrape intervals.",
    ("server",),
)
LOCK_WAITING_SECONDS = OwnMetric(
    "pgvigil_lock_waiting_session_seconds_total",
    "counter",
    "Seconds that sessions have waited for locks, all together; its rate is how many wait.",
    ("server",),
)
LOCK_CHAIN_SECONDS = OwnMetric(
    "pgvigil_lock_chain_session_seconds_total",
    "counter",
    "Length of the longest chain of waits, summed over time; its rate is the mean length.",
    ("server",),
)
LOCK_FAN_IN_SECONDS = OwnMetric(
    "pgvigil_lock_fan_in_session_seconds_total",
    "counter",
    "Sessions that wait for one and the same, summed over time; its rate is how many do.",
    ("server",),
)

FINDING_STATE = OwnMetric(
    "pgvigil_finding_state",
    "gauge",
    "1 for the state that the finding is in; the states that it is not in are absent.",
    ("server", "finding", "state"),
)
FINDING_SUBJECTS = OwnMetric(
    "pgvigil_finding_subjects",
    "gauge",
    "Ill subjects at or above this severity; absent where nothing is known.",
    ("server", "finding", "severity"),
)
FINDING_SUBJECT = OwnMetric(
    "pgvigil_finding_subject",
    "gauge",
    "The measured value of the worst ill subjects, in the unit of the finding; for people.",
    ("server", "finding", "database", "subject", "severity"),
)
FINDING_MUTED = OwnMetric(
    "pgvigil_finding_muted",
    "gauge",
    "Ill subjects that somebody asked not to hear of.",
    ("server", "finding"),
)
FINDING_JUDGED = OwnMetric(
    "pgvigil_finding_judged",
    "gauge",
    "Objects that were judged when the finding was last judged.",
    ("server", "finding"),
)
FINDING_UNJUDGED = OwnMetric(
    "pgvigil_finding_unjudged",
    "gauge",
    "Objects, or groups of them, that could not be judged, and why.",
    ("server", "finding", "reason"),
)
FINDING_EVENTS = OwnMetric(
    "pgvigil_finding_events_total",
    "counter",
    "How often the event happened since this server is watched.",
    ("server", "finding"),
)
FINDING_VERDICT_TIMESTAMP = OwnMetric(
    "pgvigil_finding_verdict_timestamp_seconds",
    "gauge",
    "When the finding was last judged, in unix time.",
    ("server", "finding"),
)

INCIDENT = OwnMetric(
    "pgvigil_incident",
    "gauge",
    "What an alert stands for, at each severity that it has reached: the measured value.",
    ("server", "finding", "severity", "database", "incident"),
)
INCIDENT_INFO = OwnMetric(
    "pgvigil_incident_info",
    "gauge",
    "What a message says of the incident; the value is the unix time of the text.",
    ("server", "finding", "database", "incident", "subject", "message", "cure"),
)
INCIDENTS_KNOWN = OwnMetric(
    "pgvigil_incidents_known",
    "gauge",
    "1 once the finding was judged since the start: incidents that are not here are over.",
    ("server", "finding"),
)

REVIEW_SUBJECTS = OwnMetric(
    "pgvigil_review_subjects",
    "gauge",
    "Subjects of this severity that findings of the chapter propose to review; no alert each.",
    ("server", "chapter", "severity"),
)

COLLECTOR_OK = OwnMetric(
    "pgvigil_collector_ok",
    "gauge",
    "Whether the last round of the collector brought an answer.",
    ("server", "collector"),
)
COLLECTOR_SUCCESS_TIMESTAMP = OwnMetric(
    "pgvigil_collector_last_success_timestamp_seconds",
    "gauge",
    "When the collector last brought an answer, in unix time.",
    ("server", "collector"),
)
COLLECTOR_DURATION = OwnMetric(
    "pgvigil_collector_duration_seconds",
    "gauge",
    "How long the last round of the collector took.",
    ("server", "collector"),
)
COLLECTOR_PACE = OwnMetric(
    "pgvigil_collector_pace_seconds",
    "gauge",
    "Time between two rounds of the collector as it is now, stretched where rounds are costly.",
    ("server", "collector"),
)
COLLECTOR_ROWS = OwnMetric(
    "pgvigil_collector_rows",
    "gauge",
    "Rows of the newest answer of the collector.",
    ("server", "collector"),
)
COLLECTOR_LEFT_OUT = OwnMetric(
    "pgvigil_collector_rows_left_out",
    "gauge",
    "Rows of the newest answer that have no series of their own.",
    ("server", "collector"),
)
COLLECTOR_DUPLICATES = OwnMetric(
    "pgvigil_collector_duplicate_samples",
    "gauge",
    "Samples of the newest answer not served, because their labels were taken already.",
    ("server", "collector"),
)

CONFIG_RELOAD_OK = OwnMetric(
    "pgvigil_config_last_reload_successful",
    "gauge",
    "Whether the configuration could be read when it was last loaded.",
)
CONFIG_RELOAD_TIMESTAMP = OwnMetric(
    "pgvigil_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration was last loaded with success, in unix time.",
)
BUILD_INFO = OwnMetric(
    "pgvigil_build_info",
    "gauge",
    "Which pgvigil this is; the value is always 1.",
    ("version", "pythonversion"),
)
STATE_FILE_OK = OwnMetric(
    "pgvigil_state_file_ok",
    "gauge",
    "Whether the state file is written, where one is wanted.",
)

OWN_METRICS: tuple[OwnMetric, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, OwnMetric)
)
"""All of them, in the order of this page."""
