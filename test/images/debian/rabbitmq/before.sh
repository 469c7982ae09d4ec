groupadd --gid 999 --system rabbitmq
useradd --uid 999 --system --home-dir /var/lib/rabbitmq --gid rabbitmq rabbitmq
