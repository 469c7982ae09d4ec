# What layers of real images have here and there, in one.
useradd -u 4321 -g users -d /odd/home -M odd
mkdir -p "/odd/work dir" /odd/home /odd/volume/seed
cd /odd
printf '#!/bin/sh\nprintf "[%%s]" "$@"\n' >entry
chmod 755 entry
echo seed >volume/seed/file
chown -R odd:users volume home
chmod 2770 volume/seed

# Bits, capabilities, attributes, owners
cp /bin/true setuid && chmod 4755 setuid
cp /bin/true setgid && chown root:mail setgid && chmod 2755 setgid
cp /bin/true capable && setcap cap_net_raw,cap_net_bind_service=ep capable
echo attributes >attributes && setfattr -n user.colour -v green attributes
echo high >high-owner && chown 60000:60001 high-owner
mkdir sticky && chmod 1777 sticky
mkdir unreadable && echo hidden >unreadable/file && chmod 000 unreadable/file && chmod 0111 unreadable

# Hard links, also to a file of a lower layer, and out of a directory whose name sorts later
echo linked >linked && mkdir zz && ln linked zz/linked && ln linked aa-linked && ln /usr/bin/md5sum zz/md5sum
ln -s linked symlink && ln -s /odd/zz absolute && ln -s nowhere dangling && ln symlink symlink-link

# Kinds, sizes, names, times
mkfifo fifo
mknod device c 1 3 || echo 'no device nodes for an ordinary user'
truncate -s 64M sparse && printf tail >>sparse
: >empty
long=$(printf 'n%.0s' $(seq 200))
mkdir -p "$long/$long" && echo long >"$long/$long/$long"
echo bytes >"$(printf 'not-utf8-\377')" && echo line >"$(printf 'new\nline')" && echo umlaut >"$(printf '\303\244')"
echo quoted >'*?"\' && echo dash >-dash && echo upper >CASE && echo lower >case
touch -d '1970-01-01 00:00:00.25 UTC' before-1971 && touch -d '1960-01-01 UTC' before-1970
touch -d '2038-01-20 03:14:08.123456789 UTC' after-2038

# What a lower layer had: removed, replaced by another kind, made anew
rm -r /usr/share/common-licenses
rm -r /etc/cron.daily && echo file >/etc/cron.daily
rm -r /usr/share/bug 2>/dev/null || :
rm /etc/issue && mkdir /etc/issue && echo inside >/etc/issue/file
rm -r /etc/skel && mkdir /etc/skel && echo new >/etc/skel/new && : >/etc/skel/.wh..wh..opq
