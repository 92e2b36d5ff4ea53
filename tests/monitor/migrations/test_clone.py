"""The script of a schema: what shapes it, and what only concerns roles."""

from monitor.migrations.clone import statements_of

DUMP = """
-- Name: orders; Type: TABLE; Owner: sales
CREATE TABLE public.orders (id int, "OWNER TO x" text);
ALTER TABLE public.orders OWNER TO "Sales";
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
COMMENT ON TABLE public.orders IS 'ALTER TABLE orders OWNER TO sales';
COMMENT ON EXTENSION hstore IS 'data type';
GRANT SELECT ON TABLE public.orders TO reporting;
ALTER DEFAULT PRIVILEGES FOR ROLE sales IN SCHEMA public GRANT SELECT ON TABLES TO reporting;
-- Name: grants; Type: TABLE; Owner: sales
CREATE TABLE public.grants ();
"""


def test_owners_and_privileges_are_left_out() -> None:
    """Their roles exist on the live server only, and no lock depends on them."""
    kept = [text.strip().splitlines()[-1] for text in statements_of(DUMP)]
    assert [text.split(" (")[0] for text in kept] == [
        "CREATE TABLE public.orders",
        "ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY",
        "COMMENT ON TABLE public.orders IS 'ALTER TABLE orders OWNER TO sales'",
        "CREATE TABLE public.grants",
    ]
