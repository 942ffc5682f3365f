#!/bin/sh
# Make or renew the virtual environment: `scripts/venv.sh runs|tests`. Called by nsh and test.
# The file .venv/.runs or .venv/.tests says that what setup.cfg asks for is installed.
# NSH_PYTHON names the python to make it with; one that is there already keeps its own.
set -eu
what=$1
root=$(dirname "$(dirname "$(readlink -f "$0")")")
venv=$root/.venv
export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"

# The system's python before one of the user's own: an ordinary user can run it too, which nsh
# started by root and left with setpriv or su needs.
python=${NSH_PYTHON:-}
if [ -n "$python" ]; then
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "nsh: NSH_PYTHON is $python, and that is no Python 3.11 or later" >&2
        echo "nsh: try: unset NSH_PYTHON" >&2
        exit 1
    fi
elif /usr/bin/python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=/usr/bin/python3
fi
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    [ -z "$python" ] || break
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "nsh: needs Python 3.11 or later, and there is none in PATH" >&2
    echo "nsh: try: apt-get install python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "nsh: $python has no module venv, which makes nsh's environment" >&2
    echo "nsh: try: apt-get install python3-venv" >&2
    exit 1
fi

# Two first starts at once: the second waits for the first.
if command -v flock >/dev/null && [ -z "${NSH_VENV_LOCKED:-}" ]; then
    NSH_VENV_LOCKED=1 exec flock "$root/setup.cfg" "$0" "$what"
fi
if [ -e "$venv/.$what" ] && ! [ "$root/setup.cfg" -nt "$venv/.$what" ]; then
    exit 0
fi

echo "nsh: setting up $venv (once)" >&2
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$venv"
# The requirements stand in setup.cfg alone; nsh itself runs from the checkout.
"$venv/bin/python" -I - "$root/setup.cfg" "$what" <<'EOF' >"$venv/requirements.txt"
import configparser
import sys

config = configparser.ConfigParser()
config.read(sys.argv[1])
print(config["options"]["install_requires"])
if sys.argv[2] == "tests":
    print(config["options.extras_require"]["test"])
EOF
if ! "$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check \
    -r "$venv/requirements.txt" >&2; then
    echo "nsh: pip could not install the packages above; is the package index reachable?" >&2
    exit 1
fi
touch "$venv/.$what"
if [ "$what" = tests ]; then touch "$venv/.runs"; fi
