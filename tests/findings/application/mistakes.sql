-- What a careful reviewer would list of the same application after some years without one.
drop index order_items_product_id_idx;
drop index payments_order_id_idx;
alter table import_runs drop constraint import_runs_pkey;
insert into import_runs (row_count) select i from generate_series(1, 2000) i;
create index addresses_customer_again on addresses (customer_id);
create index addresses_country_city on addresses (country_code, city);
alter table refunds alter amount type double precision, alter created_at type timestamp;
alter table returns alter order_id type int;
alter table addresses add phone1 text, add phone2 text, add phone3 text;
alter table orders drop constraint orders_status_check;
alter table email_templates add labels text[] not null default '{}';
create index email_templates_labels on email_templates (labels);
drop index customers_tenant_id_email_idx;
create unique index customers_email on customers (tenant_id, email);
update customers set deleted_at = now() where id % 3 = 0;
alter table order_events alter id type int;
alter sequence order_events_id_seq as int;
select setval('order_events_id_seq', 2130000000);
alter table products add constraint priced check (price > 0) not valid;
create function audited() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger audited after update on products for each row execute function audited();
alter table products disable trigger audited;
create function who(text) returns bigint language sql security definer
    as 'select id from users where email = $1';
grant create on schema public to public;
alter table order_items add constraint twice foreign key (order_id) references orders;
create table legacy_import as
select i as id, repeat('x', 100) as note from generate_series(1, 24000) i;
alter table legacy_import set (autovacuum_enabled = off);
create index broken on customers (name);
update pg_index set indisvalid = false where indexrelid = 'broken'::regclass;
do $$
declare name text;
begin
    for name in
        select inhrelid::regclass::text from pg_inherits
        where inhparent = 'audit_log'::regclass
            and inhrelid::regclass::text > 'audit_log_' || to_char(now() - interval '1 month', 'YYYY_MM')
    loop
        execute format('drop table %I', name);
    end loop;
    execute format(
        'create table audit_log_last partition of audit_log for values from (%L) to (%L)',
        date_trunc('month', now()), date_trunc('day', now()) + interval '2 days'
    );
end $$;
insert into audit_log (at, actor_id, action)
select greatest(date_trunc('month', now()), now() - i * interval '1 second'), i, 'login'
from generate_series(1, 500) i;
