#!/bin/sh
# What scripts/setup/outside.mjs runs in new user, network and mount namespaces: makes the world, then becomes the account.
# outside.sh DIRECTORY UID GID SUBUIDS SUBGIDS COMMAND...; ranges are START:COUNT. Descriptor 3 says when the IDs are mapped.
set -eu

# As nobody yet, with the capabilities that unshare has kept.
if [ "$(id -u)" -ne 0 ]; then
	echo unshared >&3
	read -r _ <&3
	exec setpriv --reuid 0 --regid 0 --clear-groups sh "$0" "$@" 3>&-
fi

caller_path=$PATH
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
directory=$1 uid=$2 gid=$3 subuids=$4 subgids=$5
shift 5

# Not every kernel has dummy interfaces. What leaves by this pair for another address comes to nobody.
ip link set lo up
ip link add outside0 type veth peer name beyond0
ip link set outside0 up
ip link set beyond0 up
ip address add 198.51.100.1/24 dev outside0
ip address add 2001:db8::1/64 dev outside0 nodad
ip route add default via 198.51.100.254
ip -6 route add default via 2001:db8::fe
# The tests' resolver listens on port 53.
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start

mount -t tmpfs -o mode=755 airplant-outside "$directory"

# private TARGET: the file on standard input instead of TARGET, for this world only.
private() {
	file=$directory/$(basename "$1")
	cat > "$file"
	chmod "${2:-644}" "$file"
	mount --bind "$file" "$(readlink -f "$1")"
}

# Resolvers of the machine that answer by a socket in the file system.
for resolver in /run/systemd/resolve /run/nscd; do
	if [ -d $resolver ]; then mount -t tmpfs -o mode=755 airplant-outside $resolver; fi
done
target=$(readlink -m /etc/resolv.conf)
[ -e "$target" ] || : > "$target"
echo nameserver 198.51.100.1 | private /etc/resolv.conf

# Set-uid programs of the machine's root have no rights here; copies that belong to this world's root do.
for program in newuidmap newgidmap; do
	program=$(command -v $program)
	private "$program" 4755 < "$program"
done
echo "$uid:$subuids" | private /etc/subuid
echo "$uid:$subgids" | private /etc/subgid

PATH=$caller_path
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --inh-caps=-all --pdeathsig KILL "$@"
