#!/bin/sh
# Runs PostgreSQL: with a user and a database of its own, whose names and password
# are in the environment.
set -eu
cd /
user=$POSTGRES_USER database=${POSTGRES_DB:-$POSTGRES_USER}
data=/var/lib/postgresql/data
bin=$(echo /usr/lib/postgresql/*/bin)
as() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
# It logs what it cannot do, and what that was; the password is not to be among it.
single() { as "$bin/postgres" --single -j -D "$1" -c log_min_error_statement=panic -c log_min_messages=fatal "$2" >/dev/null; }

if [ ! -e "$data" ]; then
	rm -rf "$data.new"
	as "$bin/initdb" -D "$data.new" --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256
	echo 'host all all all scram-sha-256' >>"$data.new/pg_hba.conf"
	printf 'CREATE ROLE "%s" LOGIN;\n\n' "$user" | single "$data.new" postgres
	printf 'CREATE DATABASE "%s" OWNER "%s";\n\n' "$database" "$user" | single "$data.new" postgres
	mv "$data.new" "$data"
fi
printf 'ALTER ROLE "%s" PASSWORD '"'%s'"';\n\n' "$user" "$(printf %s "$POSTGRES_PASSWORD" | sed "s/'/''/g")" | single "$data" postgres

unset POSTGRES_PASSWORD
install -d -o postgres -g postgres /run/postgresql
exec setpriv --reuid=postgres --regid=postgres --init-groups "$bin/postgres" -D "$data" -c listen_addresses='*'
