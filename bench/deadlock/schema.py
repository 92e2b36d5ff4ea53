"""What these applications work on: odd names, foreign keys, partitions, tables without an index."""

from bench.deadlock.workloads import TABLES

ODD = '"Shop ""é 🐘"."or\'ders; --"', '"select".items', "other.items"
MORE = (
    TABLES
    + f"""
    create schema "Shop ""é 🐘"; create schema "select"; create schema other;
    create table {ODD[0]} (id int primary key, v int not null) with (fillfactor = 50);
    create table {ODD[1]} (id int primary key, v int not null) with (fillfactor = 50);
    create table {ODD[2]} (id int primary key, v int not null) with (fillfactor = 50);
    insert into {ODD[0]} select g, 0 from generate_series(1, 1000) g;
    insert into {ODD[1]} select g, 0 from generate_series(1, 1000) g;
    insert into {ODD[2]} select g, 0 from generate_series(1, 1000) g;
    create table parent (id int primary key, v int not null) with (fillfactor = 50);
    create table child (id bigserial primary key, parent int not null references parent);
    insert into parent select g, 0 from generate_series(1, 1000) g;
    create table bare_a (id int, v int); create table bare_b (id int, v int);
    insert into bare_a select g, 0 from generate_series(1, 100) g;
    insert into bare_b select g, 0 from generate_series(1, 100) g;
    create table packed (id int primary key, v int not null);
    insert into packed select g, 0 from generate_series(1, 1000) g;
    create table events (id int, v int not null, primary key (id)) partition by range (id);
    create table events_low partition of events for values from (0) to (26);
    create table events_high partition of events for values from (26) to (5000);
    insert into events select g, 0 from generate_series(1, 1000) g;
    create function forth(a int, b int, think float) returns void language plpgsql as $$ begin
        update acct_a set v = v + 1 where id = a; perform pg_sleep(think);
        update acct_b set v = v + 1 where id = b; perform pg_sleep(think);
    end $$;
    create function back(a int, b int, think float) returns void language plpgsql as $$ begin
        update acct_b set v = v + 1 where id = b; perform pg_sleep(think);
        update acct_a set v = v + 1 where id = a; perform pg_sleep(think);
    end $$;
    analyze;
"""
)
