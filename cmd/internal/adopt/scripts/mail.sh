#!/bin/sh
# Takes every mail and writes it to its output, which is the log of the service. None
# is sent on.
set -eu
cd /
exec setpriv --reuid=nobody --regid=nogroup --clear-groups python3 -u -m aiosmtpd -n -l 0.0.0.0:1025 -c aiosmtpd.handlers.Debugging stdout
