-- A shop with warehouse, billing and support, as a careful team would write it: 47 tables.
create domain money_cents as bigint check (value >= 0);
create table countries (code text primary key check (length(code) = 2), name text not null);
create table currencies (
    code text primary key check (length(code) = 3),
    name text not null,
    digits smallint not null default 2
);
create table tax_rates (
    id bigint generated always as identity primary key,
    country_code text not null references countries,
    percent numeric(5,2) not null,
    valid_from date not null,
    unique (country_code, valid_from)
);
create table tenants (
    id bigint generated always as identity primary key,
    name text not null unique,
    created_at timestamptz not null default now()
);
create table users (
    id bigint generated always as identity primary key,
    tenant_id bigint not null references tenants,
    email text not null,
    password_hash text not null,
    created_at timestamptz not null default now(),
    unique (tenant_id, email)
);
create table roles (
    id bigint generated always as identity primary key,
    name text not null unique
);
create table user_roles (
    user_id bigint not null references users on delete cascade,
    role_id bigint not null references roles,
    primary key (user_id, role_id)
);
create index on user_roles (role_id);
create table sessions (
    id uuid primary key,
    user_id bigint not null references users on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index on sessions (user_id);
create index on sessions (expires_at);
create table api_keys (
    id bigint generated always as identity primary key,
    user_id bigint not null references users on delete cascade,
    key_hash text not null unique,
    created_at timestamptz not null default now()
);
create index on api_keys (user_id);
create table customers (
    id bigint generated always as identity primary key,
    tenant_id bigint not null references tenants,
    email text not null,
    name text not null,
    country_code text not null references countries,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
create unique index on customers (tenant_id, email) where deleted_at is null;
create index on customers (tenant_id);
create index on customers (country_code);
create table addresses (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers on delete cascade,
    country_code text not null references countries,
    street text not null,
    city text not null,
    zip text not null
);
create index on addresses (customer_id);
create index on addresses (country_code);
create table customer_notes (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers on delete cascade,
    author_id bigint not null references users,
    body text not null,
    created_at timestamptz not null default now()
);
create index on customer_notes (customer_id, created_at desc);
create index on customer_notes (author_id);
create table categories (
    id bigint generated always as identity primary key,
    parent_id bigint references categories,
    name text not null
);
create index on categories (parent_id);
create table suppliers (
    id bigint generated always as identity primary key,
    name text not null unique,
    country_code text not null references countries
);
create index on suppliers (country_code);
create table products (
    id bigint generated always as identity primary key,
    sku text not null unique,
    name text not null,
    supplier_id bigint not null references suppliers,
    category_id bigint not null references categories,
    price money_cents not null,
    attributes jsonb not null default '{}',
    created_at timestamptz not null default now()
);
create index on products (supplier_id);
create index on products (category_id);
create index on products using gin (attributes jsonb_path_ops);
create table product_images (
    id bigint generated always as identity primary key,
    product_id bigint not null references products on delete cascade,
    url text not null,
    position smallint not null,
    unique (product_id, position)
);
create table product_prices (
    product_id bigint not null references products on delete cascade,
    currency_code text not null references currencies,
    price money_cents not null,
    primary key (product_id, currency_code)
);
create index on product_prices (currency_code);
comment on column product_prices.price is 'In this currency; products.price is in EUR.';
create table product_reviews (
    id bigint generated always as identity primary key,
    product_id bigint not null references products on delete cascade,
    customer_id bigint not null references customers on delete cascade,
    stars smallint not null check (stars between 1 and 5),
    body text,
    created_at timestamptz not null default now(),
    unique (product_id, customer_id)
);
create index on product_reviews (customer_id);
create table tags (
    id bigint generated always as identity primary key,
    name text not null unique
);
create table product_tags (
    product_id bigint not null references products on delete cascade,
    tag_id bigint not null references tags on delete cascade,
    primary key (product_id, tag_id)
);
create index on product_tags (tag_id);
create table warehouses (
    id bigint generated always as identity primary key,
    name text not null unique,
    country_code text not null references countries
);
create index on warehouses (country_code);
create table stock (
    warehouse_id bigint not null references warehouses,
    product_id bigint not null references products,
    quantity int not null check (quantity >= 0),
    primary key (warehouse_id, product_id)) with (fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02
);
create index on stock (product_id);
create table stock_movements (
    id bigint generated always as identity primary key,
    warehouse_id bigint not null,
    product_id bigint not null,
    change int not null,
    at timestamptz not null default now(),
    foreign key (warehouse_id, product_id) references stock
);
create index on stock_movements (warehouse_id, product_id);
create table coupons (
    id bigint generated always as identity primary key,
    code text not null unique,
    percent smallint not null check (percent between 1 and 100),
    valid_until timestamptz not null
);
create table carts (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers on delete cascade,
    updated_at timestamptz not null default now()
);
create index on carts (customer_id);
create table cart_items (
    cart_id bigint not null references carts on delete cascade,
    product_id bigint not null references products on delete cascade,
    quantity int not null check (quantity > 0),
    primary key (cart_id, product_id)
);
create index on cart_items (product_id);
create table orders (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers,
    coupon_id bigint references coupons,
    status text not null check (status in ('new', 'paid', 'shipped', 'done', 'cancelled')),
    total money_cents not null,
    created_at timestamptz not null default now()
);
create index on orders (customer_id);
create index on orders (coupon_id) where coupon_id is not null;
create index on orders (status, created_at desc) where status in ('new', 'paid', 'shipped');
create table order_items (
    order_id bigint not null references orders on delete cascade,
    position smallint not null,
    product_id bigint not null references products,
    quantity int not null check (quantity > 0),
    unit_price money_cents not null,
    primary key (order_id, position)
);
comment on column order_items.unit_price is 'Copied on purpose: an order keeps what was charged.';
create index on order_items (product_id);
create table order_events (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders on delete cascade,
    kind text not null check (kind in ('created', 'paid', 'packed', 'shipped', 'returned')),
    at timestamptz not null default now()
);
create index on order_events (order_id);
create table shipments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    warehouse_id bigint not null references warehouses,
    tracking text unique,
    shipped_at timestamptz
);
create index on shipments (order_id);
create index on shipments (warehouse_id);
create table returns (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    reason text not null,
    created_at timestamptz not null default now()
);
create index on returns (order_id);
create table payments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    provider text not null,
    amount money_cents not null,
    currency_code text not null references currencies,
    created_at timestamptz not null default now()
);
create index on payments (order_id);
create index on payments (currency_code);
create table refunds (
    id bigint generated always as identity primary key,
    payment_id bigint not null references payments,
    amount money_cents not null,
    created_at timestamptz not null default now()
);
create index on refunds (payment_id);
create table invoices (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders unique,
    number text not null unique,
    issued_on date not null
);
create table invoice_lines (
    invoice_id bigint not null references invoices on delete cascade,
    position smallint not null,
    tax_rate_id bigint not null references tax_rates,
    amount money_cents not null,
    primary key (invoice_id, position)
);
create index on invoice_lines (tax_rate_id);
create table ledger_accounts (
    id bigint generated always as identity primary key,
    code text not null unique,
    name text not null
);
create table ledger_entries (
    id bigint generated always as identity primary key,
    account_id bigint not null references ledger_accounts,
    payment_id bigint references payments,
    amount_cents bigint not null,
    booked_at timestamptz not null default now()
);
create index on ledger_entries (account_id, booked_at);
create index on ledger_entries (payment_id) where payment_id is not null;
create table tickets (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers,
    assignee_id bigint references users,
    subject text not null,
    state text not null check (state in ('open', 'waiting', 'closed')),
    created_at timestamptz not null default now()
);
create index on tickets (customer_id);
create index on tickets (assignee_id);
create table ticket_messages (
    id bigint generated always as identity primary key,
    ticket_id bigint not null references tickets on delete cascade,
    author_id bigint references users,
    body text not null,
    created_at timestamptz not null default now()
);
create index on ticket_messages (ticket_id, created_at);
create index on ticket_messages (author_id);
create table webhooks (
    id bigint generated always as identity primary key,
    tenant_id bigint not null references tenants,
    url text not null
);
create index on webhooks (tenant_id);
create table webhook_deliveries (
    id bigint generated always as identity primary key,
    webhook_id bigint not null references webhooks on delete cascade,
    response_code smallint,
    at timestamptz not null default now()
);
create index on webhook_deliveries (webhook_id, at);
create table jobs (
    id bigint generated always as identity primary key,
    queue text not null,
    payload jsonb not null,
    run_at timestamptz not null default now()) with (autovacuum_vacuum_scale_factor = 0.01
);
create index on jobs (queue, run_at);
create table feature_flags (name text primary key, enabled boolean not null default false);
create table email_templates (
    id bigint generated always as identity primary key,
    name text not null unique,
    body text not null
);
create table emails_sent (
    id bigint generated always as identity primary key,
    template_id bigint not null references email_templates,
    customer_id bigint not null references customers on delete cascade,
    sent_at timestamptz not null default now()
);
create index on emails_sent (template_id);
create index on emails_sent (customer_id);
create table audit_log (
    id bigint generated always as identity,
    at timestamptz not null default now(),
    actor_id bigint,
    action text not null,
    primary key (id, at)) partition by range (at
);
do $$
declare month timestamptz;
begin
    for month in
        select generate_series(
            date_trunc('month', now()) - interval '2 months',
            date_trunc('month', now()) + interval '3 months',
            interval '1 month'
        )
    loop
        execute format(
            'create table audit_log_%s partition of audit_log for values from (%L) to (%L)',
            to_char(month, 'YYYY_MM'), month, month + interval '1 month'
        );
    end loop;
end $$;
create index on audit_log (at);
create table import_runs (
    id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    row_count bigint
);
create table search_synonyms (
    word text not null,
    synonym text not null,
    primary key (word, synonym)
);
insert into countries
select chr(65 + i / 26) || chr(65 + i % 26), 'country ' || i
from generate_series(0, 199) i;
insert into currencies select c, c from unnest(array['EUR','USD','GBP','CHF']) c;
insert into tax_rates (country_code, percent, valid_from)
select code, 19, '2020-01-01'
from countries;
insert into tenants (name) select 'tenant ' || i from generate_series(1, 50) i;
insert into users (tenant_id, email, password_hash)
select 1 + i % 50, 'user' || i || '@example.com', md5(i::text)
from generate_series(1, 400) i;
insert into roles (name) values ('admin'), ('clerk'), ('auditor');
insert into user_roles select id, 1 + id % 3 from users;
insert into customers (tenant_id, email, name, country_code)
select 1 + i % 50, 'c' || i || '@example.com', 'Customer ' || i, chr(65 + i % 200 / 26) || chr(65 + i % 200 % 26)
from generate_series(1, 4000) i;
insert into addresses (customer_id, country_code, street, city, zip)
select id, country_code, 'street ' || id, 'city ' || id % 500, lpad((id % 99999)::text, 5, '0')
from customers;
insert into categories (parent_id, name) select null, 'top ' || i from generate_series(1, 10) i;
insert into categories (parent_id, name)
select 1 + i % 10, 'category ' || i
from generate_series(1, 90) i;
insert into suppliers (name, country_code)
select 'supplier ' || i, chr(65 + i % 200 / 26) || chr(65 + i % 200 % 26)
from generate_series(1, 100) i;
insert into products (sku, name, supplier_id, category_id, price, attributes)
select 'sku' || i, 'product ' || i, 1 + i % 100, 1 + i % 100, 100 + i, jsonb_build_object('colour', i % 7, 'size', i % 5)
from generate_series(1, 1000) i;
insert into product_prices select p.id, c.code, p.price from products p, currencies c;
insert into product_images (product_id, url, position)
select id, 'https://cdn/' || id, 1
from products;
insert into product_reviews (product_id, customer_id, stars, body)
select 1 + i % 1000, 1 + i * 7 % 4000, 1 + i % 5, repeat('good ', 10)
from generate_series(1, 4000) i on conflict do nothing;
insert into warehouses (name, country_code)
select 'wh ' || i, 'AA'
from generate_series(1, 5) i;
insert into stock select w.id, p.id, 100 from warehouses w, products p;
insert into orders (customer_id, status, total, created_at)
select 1 + i % 4000, case when i % 50 = 0 then 'new' when i % 20 = 0 then 'cancelled' else 'done' end, i, now() - i * interval '1 minute'
from generate_series(1, 20000) i;
insert into order_items
select o, p, 1 + (o * 3 + p) % 1000, 1, 500
from generate_series(1, 12000) o, generate_series(1, 3) p;
insert into order_events (order_id, kind, at) select id, 'created', created_at from orders;
insert into payments (order_id, provider, amount, currency_code, created_at)
select id, 'card', total, 'EUR', created_at
from orders;
insert into invoices (order_id, number, issued_on)
select id, 'R' || id, created_at::date
from orders;
insert into invoice_lines select id, 1, 1 + id % 200, 500 from invoices;
insert into ledger_accounts (code, name)
select i::text, 'account ' || i
from generate_series(1000, 1050) i;
insert into ledger_entries (account_id, payment_id, amount_cents)
select 1 + id % 51, id, amount
from payments;
insert into shipments (order_id, warehouse_id, tracking, shipped_at)
select id, 1 + id % 5, 'T' || id, created_at
from orders where status = 'done';
insert into tickets (customer_id, assignee_id, subject, state)
select 1 + i % 4000, 1 + i % 400, 'help', case when i % 9 = 0 then 'open' else 'closed' end
from generate_series(1, 1000) i;
insert into ticket_messages (ticket_id, author_id, body)
select 1 + i % 1000, 1 + i % 400, 'text'
from generate_series(1, 3000) i;
insert into audit_log (at, actor_id, action)
select now() - i * interval '1 minute', i, 'login'
from generate_series(1, 6000) i;
insert into jobs (queue, payload) select 'mail', '{}' from generate_series(1, 1000) i;
insert into stock_movements (warehouse_id, product_id, change)
select 1 + i % 5, 1 + i % 1000, 1
from generate_series(1, 6000) i;
vacuum analyze;
