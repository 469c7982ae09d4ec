#!/bin/sh
# As root in new mount, network and process namespaces: a Docker Engine with one image, for COMMAND. All of it ends with us.
# docker-world.sh DIRECTORY ARCHIVE COMMAND...
set -eu

directory=$1 archive=$2
shift 2
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
DOCKER_HOST=unix://$directory/docker.sock HOME=$directory
export PATH DOCKER_HOST HOME

# Published ports are on this world's loopback, its bridge and its rules in this world's tables.
ip link set lo up
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
	umount -R /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi

dockerd --host "$DOCKER_HOST" --data-root "$directory/data" --exec-root "$directory/run" \
	--pidfile "$directory/pid" --storage-driver overlay2 --cgroup-parent /airplant-bench-docker \
	> "$directory/log" 2>&1 &

tries=0
until docker version > "$directory/version" 2>&1; do
	tries=$((tries + 1))
	if [ $tries -gt 300 ] || ! kill -0 $! 2> /dev/null; then
		echo "dockerd: $(grep -v level=info "$directory/log" | tail -n 1)" >&2
		exit 1
	fi
	sleep 0.1
done
docker load --quiet --input "$archive" > /dev/null
"$@"
