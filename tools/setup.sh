#!/bin/sh
# Makes everything ready that `make demo` and `make test` need; does nothing when it is.
#
# usage: sh tools/setup.sh EXTRAS    for example: sh tools/setup.sh demo
set -eu
cd "$(dirname "$0")/.."
extras=$1
python=${PYTHON:-python3}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Prints the Debian package that holds clang's runtime libraries.
clang_runtime_package() {
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
    echo "libclang-rt-${version:-14}-dev"
}

# Debian packages whose command is missing.
missing=""
has qemu-system-arm || missing="$missing qemu-system-arm"
has arm-none-eabi-gcc || missing="$missing gcc-arm-none-eabi"
# The compiler only recommends its C library, and answers with the bare name where it is missing.
specs=$(arm-none-eabi-gcc -print-file-name=nano.specs 2>/dev/null || echo nano.specs)
[ "$specs" != nano.specs ] || missing="$missing libnewlib-arm-none-eabi"
has cc || missing="$missing gcc libc6-dev"
case ",$extras," in
    # Tests open the report in a browser, check it with axe-core (below), compile the kernels with a
    # second compiler, fuzz and check the firmware, link the sketch as C++, and press Tab in shells.
    *,dev,*)
        has chromium || missing="$missing chromium"
        has npm || missing="$missing npm"
        has clang || missing="$missing clang"
        has clang-tidy || missing="$missing clang-tidy"
        has cppcheck || missing="$missing cppcheck"
        has fish || missing="$missing fish"
        has zsh || missing="$missing zsh"
        # libFuzzer and the sanitizers of clang. The package is named after clang's version.
        runtime=$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null || echo none)
        [ -e "$runtime" ] || missing="$missing $(clang_runtime_package)"
        library=$(arm-none-eabi-g++ -print-file-name=libstdc++_nano.a 2>/dev/null || echo none)
        case "$library" in
            */*) ;;
            *) missing="$missing libstdc++-arm-none-eabi-newlib" ;;
        esac
        ;;
esac
has "$python" || missing="$missing python3"
"$python" -c "import ensurepip" 2>/dev/null || missing="$missing python3-venv"

if [ -n "$missing" ]; then
    if ! has apt-get; then
        echo "harmcu needs, and cannot install here:$missing" >&2
        echo "macOS: brew install qemu && brew install --cask gcc-arm-embedded" >&2
        echo "Other systems: your package manager has them under similar names." >&2
        exit 1
    fi
    run=""
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || { echo "install as root, then try again: apt-get install$missing" >&2; exit 1; }
        run="sudo"
    fi
    echo "installing Debian packages:$missing"
    $run apt-get update -qq
    # shellcheck disable=SC2086  # one word a package
    $run env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# One stamp for each state of pyproject.toml: a second run installs nothing.
stamp=".venv/harmcu-$extras-$(cat pyproject.toml tools/ci.lock | cksum | tr ' ' -)"
if [ ! -e "$stamp" ]; then
    echo "installing Python packages into .venv (TensorFlow is large: some minutes)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    pip=".venv/bin/python -m pip install --quiet --disable-pip-version-check"
    case "${CI:-},$extras," in
        # There, nothing is installed that is not known by its hash.
        true,*,dev,*)
            $pip --require-hashes -r tools/ci.lock
            $pip --no-deps --no-build-isolation -e .
            ;;
        *) $pip -e ".[$extras]" ;;
    esac
    touch "$stamp"
fi

# What checks that pages can be read and used by everybody; only tests load it.
axe=4.14.1
case ",$extras," in
    *,dev,*)
        if [ ! -e ".venv/axe-$axe" ]; then
            echo "installing axe-core $axe into .venv"
            npm install --silent --no-audit --no-fund --no-save --prefix .venv "axe-core@$axe"
            touch ".venv/axe-$axe"
        fi
        ;;
esac
