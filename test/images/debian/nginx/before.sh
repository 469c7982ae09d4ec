groupadd --system --gid 101 nginx
useradd --system --gid nginx --no-create-home --home-dir /nonexistent --comment 'nginx user' --shell /bin/false --uid 101 nginx
