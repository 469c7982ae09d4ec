#!/bin/sh
# Runs the script on standard input inside a root file system: enter-root.sh ROOT APT
# To be started by `unshare --mount`, whose end takes the mounts away. APT holds apt's cache and lists, which thereby
# stay out of the image and are shared by all.
set -eu
root=$1
apt=$2

mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	: >"$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
mount --bind "$apt/cache" "$root/var/cache/apt"
mount --bind "$apt/lists" "$root/var/lib/apt/lists"
for file in resolv.conf hosts; do
	[ ! -e "/etc/$file" ] || mount --bind "/etc/$file" "$root/etc/$file"
done
cp "$apt/apt.conf" "$root/tmp/apt.conf"

exec chroot "$root" env -i \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive APT_CONFIG=/tmp/apt.conf \
	${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
	${no_proxy:+no_proxy="$no_proxy"} \
	sh -eux
