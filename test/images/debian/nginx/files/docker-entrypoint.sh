#!/bin/sh
# What the documentation of Docker Hub's "nginx" says: the scripts of /docker-entrypoint.d run, by name, before nginx.
set -e

say() {
	[ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$0: $*"
}

run_scripts() {
	[ -n "$(ls -A /docker-entrypoint.d/ 2>/dev/null)" ] || {
		say "No files found in /docker-entrypoint.d/, skipping configuration"
		return
	}
	say "/docker-entrypoint.d/ is not empty, will attempt to perform configuration"
	for file in /docker-entrypoint.d/*; do
		case $file in
		*.envsh)
			if [ -x "$file" ]; then
				say "Sourcing $file"
				# shellcheck disable=SC1090
				. "$file"
			else
				say "Ignoring $file, not executable"
			fi
			;;
		*.sh)
			if [ -x "$file" ]; then
				say "Launching $file"
				"$file"
			else
				say "Ignoring $file, not executable"
			fi
			;;
		*) say "Ignoring $file" ;;
		esac
	done
	say "Configuration complete; ready for start up"
}

case ${1:-} in
nginx | nginx-debug) run_scripts ;;
esac

exec "$@"
