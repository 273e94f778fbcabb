#!/bin/sh
# Runs RabbitMQ with a user whose name and password are in the environment.
set -eu
cd /var/lib/rabbitmq
user=${RABBITMQ_DEFAULT_USER:-guest} password=${RABBITMQ_DEFAULT_PASS:-guest} vhost=${RABBITMQ_DEFAULT_VHOST:-/}
text() { printf '"%s"' "$(printf %s "$1" | sed 's/["\\]/\\&/g')"; }

chown rabbitmq:rabbitmq .
install -d -o rabbitmq -g rabbitmq -m 700 /run/rabbitmq-service
# Definitions are read at each start, and what is there already stays. Their file is in memory.
definitions=/run/rabbitmq-service/definitions.json settings=/run/rabbitmq-service/rabbitmq.conf
install -o rabbitmq -g rabbitmq -m 600 /dev/null $definitions
cat >$definitions <<END
{
  "users": [{"name": $(text "$user"), "password": $(text "$password"), "tags": "administrator"}],
  "vhosts": [{"name": $(text "$vhost")}],
  "permissions": [{"user": $(text "$user"), "vhost": $(text "$vhost"), "configure": ".*", "write": ".*", "read": ".*"}]
}
END
cat >$settings <<END
load_definitions = $definitions
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
END

unset RABBITMQ_DEFAULT_PASS
# What is kept is filed under the node's name, and a container's differs each time.
export RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_CONFIG_FILE=$settings HOME=/var/lib/rabbitmq
exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups /usr/lib/rabbitmq/bin/rabbitmq-server
