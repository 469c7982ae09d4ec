#!/usr/bin/env bash
# What the documentation of Docker Hub's "mariadb" says: initialise the data directory when it is empty, then become
# the server. Every variable MARIADB_X may be called MYSQL_X, and may be X_FILE, the name of a file that has the value.
# Time zones are not loaded: Debian keeps that program in a package of much more.
set -eo pipefail
shopt -s nullglob

note() {
	printf '%s [%s] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$1" "$2"
}

fail() {
	note ERROR "$1" >&2
	exit 1
}

# from_file NAME: takes NAME from the file that NAME_FILE names.
from_file() {
	local name=$1 file=${1}_FILE
	[ -z "${!name:-}" ] || [ -z "${!file:-}" ] || fail "Both $name and $file are set (but are exclusive)"
	[ -z "${!file:-}" ] || export "$name"="$(<"${!file}")"
	unset "$file"
}

read_settings() {
	local setting
	for setting in ROOT_PASSWORD ROOT_PASSWORD_HASH ROOT_HOST DATABASE USER PASSWORD PASSWORD_HASH \
		ALLOW_EMPTY_ROOT_PASSWORD RANDOM_ROOT_PASSWORD; do
		local ours=MARIADB_$setting theirs=MYSQL_${setting/ALLOW_EMPTY_ROOT/ALLOW_EMPTY}
		from_file "$ours"
		from_file "$theirs"
		export "$ours"="${!ours:-${!theirs:-}}"
	done
	: "${MARIADB_ROOT_HOST:=%}"
	DATADIR=$(option datadir "$@")
	SOCKET=$(option socket "$@")
}

# option NAME COMMAND...: what the server would use, by its own words.
option() {
	"${@:2}" --verbose --help 2>/dev/null | awk -v name="$1" '$1 == name && /^[^ \t]/ { sub(/^[^ \t]+[ \t]+/, ""); print; exit }'
}

is_server() {
	case $1 in mariadbd | mysqld) ;; *) return 1 ;; esac
	local argument
	for argument; do
		case $argument in -'?' | --help | --print-defaults | -V | --version) return 1 ;; esac
	done
}

# A wrong option is said at once, and not after a long initialisation.
check_options() {
	local words
	words=$("$@" --verbose --help 2>&1 >/dev/null) || fail "mariadbd failed while attempting to check config: $words"
}

make_directories() {
	mkdir -p "$DATADIR" "$(dirname "$SOCKET")"
	[ "$(id -u)" = 0 ] || return 0
	find "$DATADIR" "$(dirname "$SOCKET")" \! -user mysql -exec chown mysql: '{}' +
}

refuse_without_password() {
	[ -z "$MARIADB_ROOT_PASSWORD$MARIADB_ROOT_PASSWORD_HASH$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD$MARIADB_RANDOM_ROOT_PASSWORD" ] || return 0
	fail $'Database is uninitialized and password option is not specified\n\tSet one of MARIADB_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD_HASH, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD'
}

run_sql() {
	mariadb --no-defaults --protocol=socket --socket="$SOCKET" -uroot ${ROOT_KNOWN:+-p"$MARIADB_ROOT_PASSWORD"} \
		--comments "$@"
}
# The name by which scripts of /docker-entrypoint-initdb.d know it.
docker_process_sql() {
	run_sql ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} "$@"
}

# Reached by its socket only, so that nobody takes it for the server that is to come.
start_temporary_server() {
	"$@" --skip-networking --socket="$SOCKET" --wsrep_on=OFF --expire-logs-days=0 &
	TEMPORARY=$!
	note Note 'Waiting for server startup'
	local patience
	for patience in {300..0}; do
		mariadb-admin --no-defaults --socket="$SOCKET" -uroot ping &>/dev/null && return
		kill -0 "$TEMPORARY" 2>/dev/null || break
		sleep 0.1
	done
	fail 'Unable to start server.'
}

stop_temporary_server() {
	kill "$TEMPORARY"
	wait "$TEMPORARY"
}

quoted() {
	local text=${1//\\/\\\\}
	printf "'%s'" "${text//\'/\\\'}"
}

name_quoted() {
	printf '`%s`' "${1//\`/\`\`}"
}

# password_clause PASSWORD HASH
password_clause() {
	if [ -n "$2" ]; then printf 'IDENTIFIED BY PASSWORD %s' "$(quoted "$2")"; else printf 'IDENTIFIED BY %s' "$(quoted "$1")"; fi
}

make_accounts() {
	local root user
	if [ -n "$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
		MARIADB_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
		export MARIADB_ROOT_PASSWORD
		note Note "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
	fi
	root=$(password_clause "$MARIADB_ROOT_PASSWORD" "$MARIADB_ROOT_PASSWORD_HASH")
	{
		echo 'SET @@SESSION.SQL_LOG_BIN=0; SET @@SESSION.SQL_MODE=REPLACE(@@SESSION.SQL_MODE, "NO_BACKSLASH_ESCAPES", "");'
		echo "DROP USER IF EXISTS root@'127.0.0.1', root@'::1'; DROP DATABASE IF EXISTS test;"
		# Made by mariadb-install-db, without a password.
		[ "$(uname -n)" = localhost ] || echo "DROP USER IF EXISTS root@$(quoted "$(uname -n)");"
		if [ "$MARIADB_ROOT_HOST" != localhost ]; then
			echo "CREATE USER root@$(quoted "$MARIADB_ROOT_HOST") $root;"
			echo "GRANT ALL ON *.* TO root@$(quoted "$MARIADB_ROOT_HOST") WITH GRANT OPTION;"
		fi
		if [ -n "$MARIADB_DATABASE" ]; then
			note Note "Creating database $MARIADB_DATABASE" >&2
			echo "CREATE DATABASE IF NOT EXISTS $(name_quoted "$MARIADB_DATABASE");"
		fi
		if [ -n "$MARIADB_USER" ] && [ -n "$MARIADB_PASSWORD$MARIADB_PASSWORD_HASH" ]; then
			note Note "Creating user $MARIADB_USER" >&2
			user="$(quoted "$MARIADB_USER")@'%'"
			echo "CREATE USER $user $(password_clause "$MARIADB_PASSWORD" "$MARIADB_PASSWORD_HASH");"
			[ -z "$MARIADB_DATABASE" ] || echo "GRANT ALL ON $(name_quoted "${MARIADB_DATABASE//_/\\_}").* TO $user;"
		fi
		echo "ALTER USER root@localhost $root;"
	} | run_sql --database=mysql
	[ -z "$MARIADB_ROOT_PASSWORD" ] || ROOT_KNOWN=1
}

run_init_files() {
	local file
	for file; do
		case $file in
		*.sh)
			if [ -x "$file" ]; then
				note Note "$0: running $file"
				"$file"
			else
				note Note "$0: sourcing $file"
				# shellcheck disable=SC1090
				. "$file"
			fi
			;;
		*.sql) note Note "$0: running $file" && docker_process_sql <"$file" ;;
		*.sql.gz) note Note "$0: running $file" && gunzip -c "$file" | docker_process_sql ;;
		*.sql.xz) note Note "$0: running $file" && xzcat "$file" | docker_process_sql ;;
		*.sql.zst) note Note "$0: running $file" && zstd -dc "$file" | docker_process_sql ;;
		*) note Warn "$0: ignoring $file" ;;
		esac
	done
}

initialise() {
	refuse_without_password
	# Before the long part: an unreadable directory ends here.
	ls /docker-entrypoint-initdb.d/ >/dev/null
	note Note 'Initializing database files'
	mariadb-install-db --datadir="$DATADIR" --rpm --auth-root-authentication-method=normal --skip-test-db \
		--default-time-zone=SYSTEM --skip-log-bin --expire-logs-days=0 --loose-innodb_buffer_pool_load_at_startup=0 \
		--loose-innodb_buffer_pool_dump_at_shutdown=0 "${@:2}" >/dev/null
	note Note 'Database files initialized'
	start_temporary_server "$@"
	note Note 'Temporary server started.'
	make_accounts
	run_init_files /docker-entrypoint-initdb.d/*
	note Note 'Stopping temporary server'
	stop_temporary_server
	note Note 'Temporary server stopped'
	echo
	note Note 'MariaDB init process done. Ready for start up.'
	echo
}

main() {
	case ${1:-} in -*) set -- mariadbd "$@" ;; esac
	if is_server "$@"; then
		note Note "Entrypoint script for MariaDB Server $MARIADB_VERSION started."
		check_options "$@"
		read_settings "$@"
		make_directories
		if [ "$(id -u)" = 0 ]; then
			note Note "Switching to dedicated user 'mysql'"
			exec gosu mysql "${BASH_SOURCE[0]}" "$@"
		fi
		[ -d "$DATADIR/mysql" ] || initialise "$@"
	fi
	exec "$@"
}

main "$@"
