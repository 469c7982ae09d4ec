#!/usr/bin/env bash
# What the documentation of Docker Hub's "postgres" says: initialise PGDATA when it is empty, then become the server.
set -Eeo pipefail

# from_file NAME [DEFAULT]: takes NAME from the file that NAME_FILE names.
from_file() {
	local name=$1 file=${1}_FILE
	if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
		echo >&2 "error: both $name and $file are set (but are exclusive)"
		exit 1
	fi
	if [ -n "${!file:-}" ]; then
		export "$name"="$(<"${!file}")"
	else
		export "$name"="${!name:-${2:-}}"
	fi
	unset "$file"
}

# Only a real start of the server initialises.
is_server() {
	[ "$1" = postgres ] || return 1
	local argument
	for argument; do
		case $argument in
		-'?' | --help | --describe-config | -V | --version) return 1 ;;
		esac
	done
}

make_directories() {
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	mkdir -p /var/run/postgresql || :
	chmod 03775 /var/run/postgresql || :
	if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
		mkdir -p "$POSTGRES_INITDB_WALDIR"
		chmod 00700 "$POSTGRES_INITDB_WALDIR"
	fi
	[ "$(id -u)" -eq 0 ] || return 0
	find "$PGDATA" ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} /var/run/postgresql \
		\! -user postgres -exec chown postgres '{}' +
}

read_settings() {
	from_file POSTGRES_PASSWORD
	from_file POSTGRES_USER postgres
	from_file POSTGRES_DB "$POSTGRES_USER"
	from_file POSTGRES_INITDB_ARGS
	: "${POSTGRES_HOST_AUTH_METHOD:=}"
}

refuse_without_password() {
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
		cat >&2 <<-'END'
			Error: Database is uninitialized and superuser password is not specified.
			       Set POSTGRES_PASSWORD to a non-empty value, for example by "-e POSTGRES_PASSWORD=password".
			       POSTGRES_HOST_AUTH_METHOD=trust allows all connections without a password; this is not recommended.
		END
		exit 1
	fi
	if [ "$POSTGRES_HOST_AUTH_METHOD" = trust ]; then
		echo >&2 'WARNING: POSTGRES_HOST_AUTH_METHOD is "trust": anyone with access to the port needs no password'
	fi
}

# An account that no file names (--user 12345) gets a name, which initdb insists on.
name_this_user() {
	local library
	getent passwd "$(id -u)" >/dev/null && return
	for library in /usr/lib/*/libnss_wrapper.so; do
		[ -e "$library" ] || continue
		NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
		export LD_PRELOAD=$library NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
		echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" >"$NSS_WRAPPER_PASSWD"
		echo "postgres:x:$(id -g):" >"$NSS_WRAPPER_GROUP"
	done
}

forget_user_name() {
	[ -n "${NSS_WRAPPER_PASSWD:-}" ] || return 0
	rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
	unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
}

make_cluster() {
	local waldir=()
	name_this_user
	[ -z "${POSTGRES_INITDB_WALDIR:-}" ] || waldir=(--waldir "$POSTGRES_INITDB_WALDIR")
	# The documented meaning of POSTGRES_INITDB_ARGS: words as a shell splits them.
	eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") "${waldir[@]}" '"$POSTGRES_INITDB_ARGS"
	forget_user_name
}

# initdb trusts the loopback; everybody else has to give the password.
open_to_hosts() {
	local method=$POSTGRES_HOST_AUTH_METHOD
	[ -n "$method" ] || method=$(postgres -C password_encryption "${@:2}")
	{
		printf '\n'
		[ "$method" != trust ] || printf '# POSTGRES_HOST_AUTH_METHOD=trust\n'
		printf 'host all all all %s\n' "$method"
	} >>"$PGDATA/pg_hba.conf"
}

# Reached by its socket only, so that nobody takes it for the server that is to come.
start_temporary_server() {
	local options
	[ "${1:-}" != postgres ] || shift
	printf -v options '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}"
	NOTIFY_SOCKET='' PGUSER="${PGUSER:-$POSTGRES_USER}" pg_ctl -D "$PGDATA" -o "$options" -w start
}

stop_temporary_server() {
	PGUSER="${PGUSER:-postgres}" pg_ctl -D "$PGDATA" -m fast -w stop
}

run_sql() {
	local database=()
	[ -z "${POSTGRES_DB:-}" ] || database=(--dbname "$POSTGRES_DB")
	PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "${database[@]}" "$@"
}
# The name by which scripts of /docker-entrypoint-initdb.d know it.
docker_process_sql() {
	run_sql "$@"
}

make_database() {
	local found
	found=$(POSTGRES_DB='' run_sql --dbname postgres --set db="$POSTGRES_DB" --tuples-only <<-'END'
		SELECT 1 FROM pg_database WHERE datname = :'db';
	END
	)
	[ -z "$found" ] || return 0
	POSTGRES_DB='' run_sql --dbname postgres --set db="$POSTGRES_DB" <<-'END'
		CREATE DATABASE :"db";
	END
	printf '\n'
}

run_init_files() {
	local file
	printf '\n'
	for file; do
		case $file in
		*.sh)
			if [ -x "$file" ]; then
				printf '%s: running %s\n' "$0" "$file"
				"$file"
			else
				printf '%s: sourcing %s\n' "$0" "$file"
				# shellcheck disable=SC1090
				. "$file"
			fi
			;;
		*.sql) printf '%s: running %s\n' "$0" "$file" && run_sql -f "$file" ;;
		*.sql.gz) printf '%s: running %s\n' "$0" "$file" && gunzip -c "$file" | run_sql ;;
		*.sql.xz) printf '%s: running %s\n' "$0" "$file" && xzcat "$file" | run_sql ;;
		*.sql.zst) printf '%s: running %s\n' "$0" "$file" && zstd -dc "$file" | run_sql ;;
		*) printf '%s: ignoring %s\n' "$0" "$file" ;;
		esac
		printf '\n'
	done
}

initialise() {
	refuse_without_password
	# Before the long part: an unreadable directory ends here.
	ls /docker-entrypoint-initdb.d/ >/dev/null
	make_cluster
	open_to_hosts "$@"
	export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
	start_temporary_server "$@"
	make_database
	shopt -s nullglob
	run_init_files /docker-entrypoint-initdb.d/*
	shopt -u nullglob
	stop_temporary_server
	unset PGPASSWORD
	printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

main() {
	case ${1:-} in -*) set -- postgres "$@" ;; esac
	if is_server "$@"; then
		read_settings
		make_directories
		if [ "$(id -u)" -eq 0 ]; then
			exec gosu postgres "$BASH_SOURCE" "$@"
		fi
		if [ -s "$PGDATA/PG_VERSION" ]; then
			printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
		else
			initialise "$@"
		fi
	fi
	exec "$@"
}

main "$@"
