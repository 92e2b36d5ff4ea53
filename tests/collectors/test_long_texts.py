"""Texts of a megabyte and more on a real server: what arrives is cut, and the rest is judged."""

from contextlib import AsyncExitStack

import pytest

from collectors import _sizes as sizes
from collectors.activity import activity
from collectors.comments import comments
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import PrivateServers, connected

SESSIONS = 30
LONG = "select length('" + "x" * 900_000 + "') + " + "9" * 4_300 + "::numeric"
COMMENT = "comment on table t is %s" % ("'pgvigil:ignore " + "y" * (40 << 20) + "'")


@pytest.mark.versions(14, 18)
async def test_thirty_sessions_with_texts_of_a_megabyte(private_server: PrivateServers) -> None:
    """Each text arrives up to the limit; a number of 4,300 digits is a number."""
    server = private_server(track_activity_query_size="1MB")
    async with AsyncExitStack() as stack:
        for _ in range(SESSIONS):
            session = await stack.enter_async_context(connected(server.dsn()))
            await session.execute(LONG)
        async with watching(dsn=server.dsn("postgres", MONITOR)) as monitor:
            rows = (await look(monitor, activity)).rows(activity)
    texts = [row.query for row in rows if (row.query or "").startswith("select length('x")]
    assert len(texts) == SESSIONS
    assert {len(text or "") for text in texts} == {sizes.QUERY_BYTES}


@pytest.mark.versions(18)
async def test_a_comment_of_forty_megabytes(private_server: PrivateServers) -> None:
    """Its first words still mute."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create table t (id int)")
        await admin.execute(COMMENT)
    async with watching(dsn=server.dsn("postgres", MONITOR)) as monitor:
        [row] = (await look(monitor, comments)).rows(comments)
    assert row.comment.startswith("pgvigil:ignore yyy")
    assert len(row.comment) == sizes.COMMENT_BYTES
