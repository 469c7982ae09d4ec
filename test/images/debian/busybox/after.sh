# One program under hundreds of names, as hard links.
mkdir -p /result/bin /result/dev /result/etc /result/home /result/root /result/tmp /result/usr/bin /result/usr/sbin
mkdir -p /result/var/spool/mail /result/var/www
cp /bin/busybox /result/bin/busybox
for applet in $(busybox --list); do
	[ "$applet" = busybox ] || ln /result/bin/busybox "/result/bin/$applet"
done
ln -s ../../bin/env /result/usr/bin/env
chmod 1777 /result/tmp
chmod 700 /result/root
cat >/result/etc/passwd <<-'END'
	root:x:0:0:root:/root:/bin/sh
	daemon:x:1:1:daemon:/usr/sbin:/bin/false
	bin:x:2:2:bin:/bin:/bin/false
	sys:x:3:3:sys:/dev:/bin/false
	sync:x:4:100:sync:/bin:/bin/sync
	mail:x:8:8:mail:/var/spool/mail:/bin/false
	www-data:x:33:33:www-data:/var/www:/bin/false
	nobody:x:65534:65534:nobody:/home:/bin/false
END
cat >/result/etc/group <<-'END'
	root:x:0:
	daemon:x:1:
	bin:x:2:
	sys:x:3:
	tty:x:5:
	mail:x:8:
	www-data:x:33:
	users:x:100:
	nobody:x:65534:
END
printf 'root:*:::::::\n' >/result/etc/shadow
chmod 640 /result/etc/shadow
chown 8:8 /result/var/spool/mail
chown 33:33 /result/var/www
: >/result/etc/localtime
