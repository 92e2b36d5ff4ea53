"""A deadline that a late loop does not mistake for silence."""

import asyncio
import os
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress

import pytest

from monitor.deadline import within


async def test_an_answer_in_time_is_returned() -> None:
    """And an error of what was waited for is raised as it is."""

    async def fails() -> None:
        raise ValueError("its own")

    assert await within(5, asyncio.sleep(0, "answer")) == "answer"
    with pytest.raises(ValueError, match="its own"):
        await within(5, fails())


async def test_silence_is_a_time_out_and_ends_what_was_waited_for() -> None:
    """The task is cancelled, so that a query is cancelled on the server too."""
    ended = asyncio.Event()

    async def silent() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        await within(0.01, silent())
    assert ended.is_set()


async def test_a_caller_that_is_cancelled_cancels_what_it_waits_for() -> None:
    """Nothing goes on in the background."""
    ended = asyncio.Event()

    async def silent() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    waiting = asyncio.create_task(within(60, silent()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()


async def test_a_result_that_nobody_takes_is_discarded() -> None:
    """A connection that was opened just as its caller was cancelled is closed, not lost."""
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    discarded: list[str] = []
    waiting = asyncio.create_task(within(60, answer, discarded.append))
    await asyncio.sleep(0)
    answer.set_result("session")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert discarded == ["session"]


@pytest.mark.parametrize("cleans_up", [True, False])
async def test_a_caller_that_is_cancelled_during_the_clean_up_ends_too(cleans_up: bool) -> None:
    """The deadline has passed, what was waited for still cleans up, and we are stopped."""
    cleaning, discarded = asyncio.Event(), list[str]()

    async def slow_to_end() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cleaning.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            if cleans_up:
                raise
        return "session"

    waiting = asyncio.create_task(within(0.01, slow_to_end(), discarded.append))
    await cleaning.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert discarded == ([] if cleans_up else ["session"])


async def read_one(descriptor: int) -> bytes:
    """Read from a pipe through the loop."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
        # An answer passes through several turns of the loop before it is whole.
        for _ in range(5):
            await asyncio.sleep(0)
        return os.read(descriptor, 1)
    finally:
        loop.remove_reader(descriptor)


async def answered_while_stopped(waiting: "Coroutine[None, None, bytes]", writer: int) -> bytes:
    """The answer comes, and then the deadline passes, while the loop does not run."""
    task = asyncio.create_task(waiting)
    await asyncio.sleep(0)
    thread = threading.Thread(target=lambda: os.write(writer, b"x"))
    thread.start()
    thread.join()
    stop(0.3)
    return await task


def stop(seconds: float) -> None:
    """Nothing of the loop runs, as in a process that is stopped."""
    time.sleep(seconds)


async def test_an_answer_that_came_while_the_loop_did_not_run_is_no_time_out() -> None:
    """With asyncio's own deadline it is one."""
    for limited, is_right in ((within, True), (_asyncio_timeout, False)):
        reader, writer = os.pipe()
        try:
            waiting = limited(0.1, read_one(reader))
            if is_right:
                assert await answered_while_stopped(waiting, writer) == b"x"
            else:
                with pytest.raises(TimeoutError):
                    await answered_while_stopped(waiting, writer)
        finally:
            os.close(reader)
            os.close(writer)


async def _asyncio_timeout(seconds: float, waiting: "Coroutine[None, None, bytes]") -> bytes:
    async with asyncio.timeout(seconds):
        return await waiting
