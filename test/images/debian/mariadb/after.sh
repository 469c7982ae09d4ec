rm -rf /var/lib/mysql /etc/mysql/debian.cnf
mkdir -p /var/lib/mysql /run/mysqld /docker-entrypoint-initdb.d
chown -R mysql:mysql /var/lib/mysql /run/mysqld
chmod 1777 /run/mysqld
# Debian keeps the names of before only in the larger packages.
for name in mysqld:mariadbd mysql:mariadb mysqladmin:mariadb-admin; do
	command -v "${name%:*}" || ln -s "$(command -v "${name#*:}")" "/usr/local/bin/${name%:*}"
done
