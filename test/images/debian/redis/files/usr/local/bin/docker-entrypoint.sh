#!/bin/sh
# What the documentation of Docker Hub's "redis" says: options and configuration files start the server, as "redis".
set -e

case ${1:-} in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi

# What the server writes is nobody else's, unless a umask was chosen.
[ "$(umask)" != 0022 ] || umask 0077

# Docker Hub's server is compiled without protected mode, as only published ports are reachable; Debian's is not. A
# configuration file speaks for itself.
if [ "$1" = redis-server ]; then
	case "${2:-} $*" in
	[!-]*.conf' '* | *--protected-mode* | *' --help' | *' --version' | *' -h' | *' -v') ;;
	*) set -- "$@" --protected-mode no ;;
	esac
fi

exec "$@"
