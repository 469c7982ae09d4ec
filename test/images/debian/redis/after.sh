# Docker Hub's has no configuration file; a data directory of its own instead.
rm -rf /etc/redis /var/lib/redis /var/log/redis /etc/default/redis-server /etc/init.d/redis-server
mkdir /data
chown redis:redis /data
