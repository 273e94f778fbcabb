#!/bin/sh
# Runs Redis with the password of the environment, if there is one, which it reads from its standard
# input: arguments are for all to see.
set -eu
cd /var/lib/redis
exec setpriv --reuid=redis --regid=redis --init-groups redis-server - <<END
bind * -::*
daemonize no
dir /var/lib/redis
appendonly yes
protected-mode no
${REDIS_PASSWORD:+requirepass $REDIS_PASSWORD}
END
