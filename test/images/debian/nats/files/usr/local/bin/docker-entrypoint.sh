#!/bin/sh
# What Docker Hub's "nats" does: options start the server.
set -e

case ${1:-} in
-*) set -- nats-server "$@" ;;
esac

exec "$@"
