#!/usr/bin/env bash
# Sets up .venv in this checkout with wwt_mm, its three libraries and the tools to
# test it, in the versions of constraints.txt. Does nothing if that is done already.
#
#   tools/install.sh              no compiler needed, takes a minute or two
#   WITH_OPS=1 tools/install.sh   also compiles mmcv's ops, takes tens of minutes
#
# PYTHON     interpreter of the new .venv (default: a python3 from 3.10 to 3.12)
# INSTALLER  uv or pip (default: uv if it is there or can be installed)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=.venv
WITH_OPS=${WITH_OPS:-0}
STAMP="$VENV/.wwt_mm"
SUPPORTED='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'

fail() {
    echo "install: $*" >&2
    exit 1
}

find_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        "$PYTHON" -c "$SUPPORTED" 2>/dev/null ||
            fail "PYTHON=$PYTHON is not a Python 3.10, 3.11 or 3.12; name one that is"
        return
    fi
    # pip comes last into a new environment: without it, its creation was interrupted.
    [[ -x $VENV/bin/pip ]] && candidate=$VENV/bin/python
    for candidate in ${candidate:-} python3 python3.{12,11,10}; do
        if "$candidate" -c "$SUPPORTED" 2>/dev/null; then
            PYTHON=$candidate
            return
        fi
    done
    fail 'found no Python 3.10, 3.11 or 3.12; name one with PYTHON=/path/to/python3'
}

# Everything that makes an earlier installation stale, but for the ops.
fingerprint() {
    pwd
    "$PYTHON" -c 'import sys; print(*sys.version_info[:2])'
    cat setup.py pyproject.toml constraints.txt wwt_mm/requirements.py wwt_mm/version.py
}

create_venv() {
    [[ $PYTHON == "$VENV/bin/python" ]] && return
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON cannot create virtual environments; install its venv module" \
            '(Debian and Ubuntu: apt-get install python3-venv)'
    echo "Creating $VENV with $("$PYTHON" --version)"
    "$PYTHON" -m venv --clear "$VENV"
}

# Sets `install`, the command that installs packages into the environment.
choose_installer() {
    local uv
    install=("$VENV/bin/python" -m pip install --disable-pip-version-check)
    [[ ${INSTALLER:-uv} == uv ]] || return 0
    if ! uv=$(command -v uv); then
        "${install[@]}" --quiet uv || {
            echo 'uv cannot be installed here; going on with pip, which is slower'
            return 0
        }
        uv="$VENV/bin/uv"
    fi
    install=("$uv" pip install --python "$VENV/bin/python")
}

install_packages() {
    echo 'Installing wwt_mm and what it needs'
    "${install[@]}" --constraint constraints.txt --editable '.[all,dev,docs]'
    # The libraries bring opencv-python and its headless twin, which write the same
    # folder. The last one wins, and only the headless one works without libGL.
    "${install[@]}" --constraint constraints.txt --no-deps --force-reinstall \
        opencv-python-headless
}

has_ops() {
    compgen -G "$VENV/lib/python*/site-packages/mmcv/_ext.*" >/dev/null
}

compile_ops() {
    command -v c++ >/dev/null || [[ -n ${CXX:-} ]] ||
        fail 'WITH_OPS=1 needs a C++ compiler (Debian and Ubuntu: apt-get install g++)'
    echo "Compiling mmcv's ops: tens of minutes on a few cores (docs/install.md)"
    "${install[@]}" --constraint constraints.txt --editable '.[build]'
    # pip by its own and without its cache: a cached wheel would be the one without ops.
    PATH="$PWD/$VENV/bin:$PATH" MMCV_WITH_OPS=1 \
        "$VENV/bin/python" -m pip install --disable-pip-version-check \
        --constraint constraints.txt --no-build-isolation --no-cache-dir --no-deps \
        --force-reinstall onedl-mmcv
    has_ops || fail 'mmcv was built without its ops; see the messages above'
}

main() {
    find_python
    local key
    key=$(fingerprint | cksum)
    if [[ ! -f $STAMP || $(<"$STAMP") != "$key" ]]; then
        # Only a finished installation leaves a stamp.
        rm -f "$STAMP"
        create_venv
        choose_installer
        install_packages
        echo "$key" >"$STAMP.new"
        mv "$STAMP.new" "$STAMP"
    fi
    if [[ $WITH_OPS == 1 ]] && ! has_ops; then
        choose_installer
        compile_ops
    fi
}

main
