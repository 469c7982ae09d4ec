#!/bin/sh
# Each template of NGINX_ENVSUBST_TEMPLATE_DIR becomes a file of the output directory, with variables filled in.
set -e
from=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
suffix=${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}
to=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}

[ -d "$from" ] || exit 0
if [ ! -w "$to" ]; then
	echo "$0: ERROR: $from exists, but $to is not writable"
	exit 0
fi
# Only what is in the environment: "$uri" and others are nginx's own.
known=$(env -0 | sed -z -n "s/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\${\1} /p" | tr -d '\0')
[ -z "${NGINX_ENVSUBST_FILTER:-}" ] || known=$(printf '%s\n' $known | grep -E "^..${NGINX_ENVSUBST_FILTER#^}" || :)
find "$from" -follow -type f -name "*$suffix" | while IFS= read -r template; do
	name=${template#"$from"/}
	result=$to/${name%"$suffix"}
	mkdir -p "$(dirname "$result")"
	echo "$0: Running envsubst on $template to $result"
	envsubst "$known" <"$template" >"$result"
done
