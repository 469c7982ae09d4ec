rm -rf /etc/nats-server.conf /etc/init.d/nats-server /etc/default/nats-server
# Of no use in a container: so that a layer removes what an earlier one brought.
rm -rf /usr/share/zoneinfo /usr/share/common-licenses /etc/cron.daily
mkdir -p /etc/nats
