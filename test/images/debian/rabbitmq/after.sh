rm -rf /var/lib/rabbitmq /var/log/rabbitmq /etc/default/rabbitmq-server /etc/init.d/rabbitmq-server /etc/logrotate.d/rabbitmq-server
mkdir -p /var/lib/rabbitmq /var/log/rabbitmq /etc/rabbitmq/conf.d
chmod 1777 /var/lib/rabbitmq /var/log/rabbitmq
chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq /etc/rabbitmq
ln -s /var/lib/rabbitmq/.erlang.cookie /root/.erlang.cookie
