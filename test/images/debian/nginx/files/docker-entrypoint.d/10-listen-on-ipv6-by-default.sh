#!/bin/sh
# The default server listens on IPv6 too, where there is IPv6 and the file may be changed.
set -e
conf=/etc/nginx/conf.d/default.conf

[ -e /proc/net/if_inet6 ] || exit 0
[ -w "$conf" ] || exit 0
grep -q 'listen  *\[::\]:80;' "$conf" && exit 0
sed -i -E 's,^( *listen +)80;,\180;\n\1[::]:80;,' "$conf"
