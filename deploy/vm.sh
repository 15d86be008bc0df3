#!/usr/bin/env bash
# Starts Ray on your own machines, with a token. Install vidcolor[cluster] on all of them, and put the
# films on storage that all of them mount under the same path.
#
#     deploy/vm.sh head                 on the first machine, which colors nothing itself
#     deploy/vm.sh worker HEAD          on each other one, with the first one's ~/.ray/auth_token there
#     RAY_AUTH_MODE=token vidcolor /films /colored --cluster=auto --workers 8      on the first machine
#
# Anybody who can reach Ray's ports and has the token can run any code, and nothing is encrypted: let these
# machines reach each other on all TCP ports inside their private network, and nobody else on any port.
# To replace a machine that was taken away, run this script on the new one.
set -euo pipefail
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
case "${1:-}" in
head)
    umask 077 # Ray would leave the token for everybody to read
    ray get-auth-token --generate >/dev/null
    chmod 600 "${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}" # one that was there already, too
    exec ray start --head --port=6379 --num-cpus=0 "${@:2}"
    ;;
worker)
    exec ray start --address="${2:?the address of the head is missing}:6379" "${@:3}"
    ;;
*)
    echo "usage: $0 head | worker HEAD   (further arguments go to ray start)" >&2
    exit 2
    ;;
esac
