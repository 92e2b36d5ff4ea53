"""Rows of a simple query: by name, NULL apart from the empty text, any bytes."""

from monitor.pgbouncer.answer import records


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def columns(*names: bytes) -> bytes:
    told = b"".join(name + b"\0" + bytes(18) for name in names)
    return message(b"T", len(names).to_bytes(2, "big") + told)


def row(*values: bytes | None) -> bytes:
    sizes = ((-1 if value is None else len(value)) for value in values)
    parts = (
        size.to_bytes(4, "big", signed=True) + (value or b"")
        for size, value in zip(sizes, values, strict=True)
    )
    return message(b"D", len(values).to_bytes(2, "big") + b"".join(parts))


def test_rows_by_the_names_of_their_columns() -> None:
    answer = columns(b"name", b"host") + row(b"shop", None) + row(b"caf\xc3\xa9", b"")
    end = message(b"C", b"SHOW\0") + message(b"Z", b"I")
    assert records(answer + end) == [
        {"name": "shop", "host": None},
        {"name": "café", "host": ""},
    ]


def test_no_rows() -> None:
    assert records(columns(b"name") + message(b"C", b"SHOW\0")) == []
    assert records(b"") == []
