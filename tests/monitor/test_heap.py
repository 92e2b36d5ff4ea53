"""The heap of the C library: its options are set where it has them."""

import ctypes
import platform

import pytest

from monitor.heap import share_heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the options are glibc's")
def test_glibc_takes_both_options() -> None:
    assert share_heap()


def test_a_library_without_them_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As musl, which Alpine has."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not share_heap()
