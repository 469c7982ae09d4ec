localedef -i en_US -f UTF-8 en_US.UTF-8
# Of use to no container: hundreds of locales' sources.
rm -rf /usr/share/i18n/locales /usr/share/i18n/charmaps
for sample in /usr/share/postgresql/*/postgresql.conf.sample; do
	sed -i "s/^#\?listen_addresses = .*/listen_addresses = '*'/" "$sample"
	grep -q "^listen_addresses = '\*'" "$sample"
done
mkdir -p /docker-entrypoint-initdb.d /var/lib/postgresql/data /var/run/postgresql
chown -R postgres:postgres /var/lib/postgresql /var/run/postgresql
chmod 1777 /var/lib/postgresql/data
chmod 3777 /var/run/postgresql
