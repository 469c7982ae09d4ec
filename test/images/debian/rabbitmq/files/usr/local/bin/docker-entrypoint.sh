#!/usr/bin/env bash
# What the documentation of Docker Hub's "rabbitmq" says; RABBITMQ_DEFAULT_USER and the like are the server's own.
set -euo pipefail

cookie=/var/lib/rabbitmq/.erlang.cookie
if [ "$(id -u)" = 0 ] && [[ $1 == rabbitmq* ]]; then
	if [ "$1" = rabbitmq-server ]; then
		find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq '{}' +
	fi
	exec gosu rabbitmq "${BASH_SOURCE[0]}" "$@"
fi

if [ -n "${RABBITMQ_ERLANG_COOKIE:-}" ] && [ ! -e "$cookie" ]; then
	printf '%s\n' "$RABBITMQ_ERLANG_COOKIE" >"$cookie"
	chmod 600 "$cookie"
fi
unset RABBITMQ_ERLANG_COOKIE

# Debian's wrappers in /usr/sbin insist on root or the account, and keep the output in files.
if [[ $1 == rabbitmq* ]] && [ -x "/usr/lib/rabbitmq/bin/$1" ]; then
	program=/usr/lib/rabbitmq/bin/$1
	shift
	set -- "$program" "$@"
fi

exec "$@"
