#!/bin/sh
# Run once by the image of PostgreSQL, after the role was made.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$PGVIGIL_PASSWORD" --username=postgres --dbname=postgres <<'SQL'
ALTER ROLE pgvigil PASSWORD :'password';
SQL
