#!/bin/sh
# Runs MariaDB: with a user and a database of its own, whose names and password are
# in the environment. They may be called as the image of MySQL calls them.
set -eu
cd /
user=${MARIADB_USER:-${MYSQL_USER:-}} password=${MARIADB_PASSWORD:-${MYSQL_PASSWORD:-}}
root=${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD:-}} database=${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}
data=/var/lib/mariadb/data
as() { setpriv --reuid=mysql --regid=mysql --init-groups "$@"; }
name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }
text() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }

if [ ! -e "$data" ]; then
	rm -rf "$data.new"
	install -d -m 755 /var/lib/mariadb
	install -d -o mysql -g mysql -m 700 "$data.new"
	as mariadb-install-db --datadir="$data.new" --skip-test-db --auth-root-authentication-method=socket >/dev/null
	mv "$data.new" "$data"
fi

# The server runs these before anybody is connected. Their file is in memory.
install -d -o mysql -g mysql -m 755 /run/mysqld
first=/run/mysqld/first.sql
install -o mysql -g mysql -m 600 /dev/null $first
{
	if [ -n "$database" ]; then
		printf '%s\n' "CREATE DATABASE IF NOT EXISTS $(name "$database") CHARACTER SET utf8mb4;"
	fi
	if [ -n "$user" ]; then
		printf '%s\n' "CREATE USER IF NOT EXISTS $(name "$user")@'%';"
		printf '%s\n' "ALTER USER $(name "$user")@'%' IDENTIFIED BY $(text "$password");"
		if [ -n "$database" ]; then
			printf '%s\n' "GRANT ALL ON $(name "$database").* TO $(name "$user")@'%';"
		fi
	fi
	if [ -n "$root" ]; then
		printf '%s\n' "CREATE USER IF NOT EXISTS root@'%';"
		printf '%s\n' "ALTER USER root@'%' IDENTIFIED BY $(text "$root");"
		printf '%s\n' "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
	fi
} >$first

unset MARIADB_PASSWORD MYSQL_PASSWORD MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD
exec setpriv --reuid=mysql --regid=mysql --init-groups mariadbd --datadir="$data" --init-file=$first \
	--bind-address='*' --skip-name-resolve --socket=/run/mysqld/mysqld.sock --pid-file=/run/mysqld/mysqld.pid
