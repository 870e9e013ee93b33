#!/usr/bin/env bash
# Checks wwt_mm on a GPU machine that has torch, torchvision, timm and scipy, but not the
# OpenMMLab libraries, and no network to install them from.
#
#   tools/gpu_machine.sh prepare [PYTHON_VERSION]    here: wheels for Linux into .gpu/
#   tools/gpu_machine.sh [arguments of check_gpu.py] there, with a copy of the
#                                     repository and of .gpu/, which git ignores
#
# PYTHON names the interpreter of either half. Nothing of the machine is changed: the
# wheels are unpacked below SITE (default: /tmp/wwt_site).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
SITE=${SITE:-${TMPDIR:-/tmp}/wwt_site}
# What a machine with torch, torchvision, timm, scipy, pandas, rich and pytest lacks.
WHEELS='onedl-mmengine addict ftfy importlib-metadata mat4py model-index modelindex
    ordered-set platformdirs prettytable imaug imagecorruptions-imaug pycocotools shapely
    termcolor terminaltables wcwidth yapf zipp'
# Published as sources only; built here, mmcv without ops, they suit any Python.
SOURCES='onedl-mmcv onedl-mmdetection onedl-mmpretrain onedl-mmsegmentation'

pinned() { # names as constraints.txt has them, NAME==VERSION
    for name in "$@"; do grep -ix "$name==[^ ]*" constraints.txt || echo "$name"; done
}

if [ "${1:-}" = prepare ]; then
    version=${2:-3.12}
    abi=cp${version/./}
    platforms=(manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 manylinux1)
    platforms=("${platforms[@]/%/_x86_64}")
    download() {
        "$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: \
            --python-version "$version" --abi "$abi" --abi abi3 --abi none \
            "${platforms[@]/#/--platform=}" --dest "$@"
    }
    # shellcheck disable=SC2046,SC2086
    download .gpu $(pinned $WHEELS)
    # shellcheck disable=SC2046
    download .gpu/numpy $(pinned numpy) # installed if the machine's own is too new
    # shellcheck disable=SC2046,SC2086
    MMCV_WITH_OPS=0 "$PYTHON" -m pip wheel --quiet --wheel-dir .gpu --no-deps \
        $(pinned $SOURCES)
    du -sh .gpu
    exit
fi

if [ ! -d "$SITE/mmengine" ]; then
    "$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile \
        --target "$SITE" .gpu/*.whl
fi
export PYTHONPATH="$SITE:${PYTHONPATH:-}"
if ! "$PYTHON" -c 'import wwt_mm, mmdet.apis, mmseg.apis, mmpretrain'; then
    "$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile \
        --target "$SITE" .gpu/numpy/*.whl
fi
exec "$PYTHON" tools/analysis_tools/check_gpu.py "$@"
