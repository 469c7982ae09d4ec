# Debian's layout of sites goes; Docker Hub's has conf.d only. Its logs are the container's.
rm -rf /etc/nginx/sites-available /etc/nginx/sites-enabled /etc/nginx/snippets /etc/nginx/nginx.conf /var/www /usr/share/nginx/html
rm -rf /etc/logrotate.d/nginx /etc/init.d/nginx
mkdir -p /docker-entrypoint.d /var/cache/nginx /var/log/nginx
chown nginx:root /var/cache/nginx
rm -f /var/log/nginx/*
ln -s /dev/stdout /var/log/nginx/access.log
ln -s /dev/stderr /var/log/nginx/error.log
