groupadd -r -g 999 redis
useradd -r -g redis -u 999 -d /data redis
