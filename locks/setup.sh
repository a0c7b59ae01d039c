# Makes and renews .venv; read by ./tinny and ./test. Plain sh, for a computer that has only Python.
#
#   set_up LEVEL [ARGS]    LEVEL: base or dev (the name of the lock). Leaves $venv. Exits 5 when this computer lacks
#                          something (with the line that mends it), 3 when the set-up itself failed.
#
# .venv/.made-from-LEVEL holds all that the environment was made from: the folder, the lock, pyproject.toml. It is
# written last, so a set-up that was interrupted has none. Comparing it needs no Python: a start costs milliseconds.

made_from() { # LEVEL
    printf '%s\n' "$root" && cat "$root/locks/$1.txt" "$root/pyproject.toml"
}

is_fresh() { # LEVEL; [ -x ] follows the link to the interpreter: false when that Python was removed
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/tinny" ] && [ -f "$venv/.made-from-$1" ] &&
        made_from "$1" | cmp -s - "$venv/.made-from-$1"
}

say() { printf '%s\n' "$*" >&2; }

stop() { # EXIT WHAT NEXT
    say "tinny: $2"
    say "Next: $3"
    exit "$1"
}

set_up() {
    level=$1 && shift
    venv=$root/.venv
    is_fresh "$level" && return
    [ "$level" = base ] && [ -f "$venv/.made-from-dev" ] && level=dev # a test environment stays one
    is_fresh "$level" && return
    case $(uname -s) in
        MINGW* | MSYS* | CYGWIN*) stop 5 "native Windows is not supported" "use WSL2, inside its Linux file system" ;;
    esac
    for arg; do
        [ "$arg" = --offline ] && stop 5 "the set-up needs the network, and --offline refuses it" \
            "run the same command once without --offline"
    done
    [ -w "$root" ] || stop 5 "$root is not writable for you, and the set-up makes .venv there" \
        "clone the project into a folder of your own"
    clean_environment
    find_python
    wait_for_turn
    is_fresh "$level" || make_or_renew
    exec 9>&-
}

clean_environment() { # what a person's shell may hold and what would lead pip or uv away from .venv
    unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_NO_DEPS PIP_CONSTRAINT
    unset UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX UV_CONSTRAINT UV_OVERRIDE UV_NO_BINARY UV_PYTHON VIRTUAL_ENV
    if ! [ -w "${HOME:-/nonexistent}" ]; then
        export PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
    fi
}

find_python() { # sets $python (real path, so that .venv dangles when it is replaced) and $pythons (what was found)
    pythons=''
    python=''
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        found=$(command -v "$name") || continue
        answer=$("$found" -I - 2>/dev/null <<'EOF'
import importlib.util, os, sys
fits = sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 14)
whole = fits and all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
print("whole" if whole else "bare" if fits else "no")
print("%d.%d.%d" % sys.version_info[:3])
print(os.path.realpath(sys.executable))
EOF
        ) || continue
        kind=$(echo "$answer" | sed -n 1p) version=$(echo "$answer" | sed -n 2p) path=$(echo "$answer" | sed -n 3p)
        pythons="$pythons $name=$version"
        case $kind in
            whole) python=$path python_version=$version python_kind=whole && break ;;
            bare) [ -n "$python" ] || { python=$path python_version=$version python_kind=bare; } ;;
        esac
    done
    [ -n "$python" ] || stop 5 "no CPython 3.11 to 3.14 on PATH (found:${pythons:- none})" \
        "install one, on Debian or Ubuntu: apt-get install python3 python3-venv"
}

wait_for_turn() { # one set-up at a time; the kernel frees the lock whatever way its holder ends
    exec 9<"$root/locks/base.txt"
    if ! "$python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null; then
        say "tinny: another set-up of this folder is under way, waiting for it"
        "$python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || exit 3
    fi
}

make_or_renew() {
    started=$(date +%s)
    trap 'say; say "tinny: set-up interrupted; the next start begins it again"; exit 130' INT TERM
    if can_be_renewed; then
        say "tinny: the lock has changed, renewing .venv"
    else
        [ -e "$venv/.half-made" ] && say "tinny: the last set-up was interrupted, beginning again"
        [ -e "$venv" ] || say "tinny: first set-up in this folder, with Python $python_version"
        make_venv
    fi
    : >"$venv/.half-made"
    log=$venv/setup.log
    : >"$log"
    rm -f "$venv/.made-from-base" "$venv/.made-from-dev"
    install_lock
    made_from base >"$venv/.made-from-base.new" && mv "$venv/.made-from-base.new" "$venv/.made-from-base"
    if [ "$level" = dev ]; then
        made_from dev >"$venv/.made-from-dev.new" && mv "$venv/.made-from-dev.new" "$venv/.made-from-dev"
    fi
    rm -f "$venv/.half-made"
    trap - INT TERM
    say "tinny: ready after $(($(date +%s) - started)) s"
    say
}

can_be_renewed() { # not when half made, moved to another folder, or without a Python that fits
    [ -x "$venv/bin/python" ] && ! [ -e "$venv/.half-made" ] || return 1
    [ ! -e "$venv/.made-from-base" ] || grep -qxF "$root" "$venv/.made-from-base" || return 1
    "$venv/bin/python" -I -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null &&
        { [ -x "$venv/bin/uv" ] || [ -x "$venv/bin/pip" ]; }
}

make_venv() {
    say "  1/3  making .venv"
    rm -rf "$venv"
    mkdir "$venv" || stop 3 "cannot make $venv" "look at the folder's owner and free space"
    : >"$venv/.half-made"
    if [ "$python_kind" = whole ]; then
        message=$("$python" -I -m venv "$venv" 2>&1) && return
    elif message=$("$python" -I -m venv --without-pip "$venv" 2>&1); then
        # Debian without python3-venv. Another pip can fill the environment: this Python's own.
        "$python" -I -m pip --version >/dev/null 2>&1 && return
        message="Python $python_version at $python has neither ensurepip nor pip"
    fi
    say "$message"
    stop 5 "Python cannot make a virtual environment" \
        "install venv and pip, on Debian or Ubuntu: apt-get install python3-venv"
}

run_pip() {
    if [ -x "$venv/bin/pip" ]; then
        "$venv/bin/python" -I -m pip --disable-pip-version-check "$@"
    else
        "$python" -I -m pip --disable-pip-version-check --python "$venv/bin/python" "$@"
    fi
}

install_lock() { # uv does it in seconds; pip does the same slowly where uv cannot (no program for this computer,
    # an index known to pip's configuration alone)
    lock=$root/locks/$level.txt
    say "  2/3  fetching $(grep -c '^[a-z]' "$lock") packages, each checked by hash"
    fetch_uv || ! unreachable || explain_failure
    if [ -x "$venv/bin/uv" ] && run_uv pip sync --require-hashes --only-binary :all: "$lock" >>"$log" 2>&1; then
        say "  3/3  installing tinnySWE itself"
        run_uv pip install --no-deps --no-build-isolation --editable "$root" >>"$log" 2>&1 && return
    fi
    say "       uv could not do it, trying pip (slower)"
    run_pip install --retries 1 --require-hashes --only-binary :all: --requirement "$lock" >>"$log" 2>&1 &&
        run_pip install --no-deps --no-build-isolation --editable "$root" >>"$log" 2>&1 && return
    explain_failure
}

run_uv() {
    "$venv/bin/uv" --quiet "$@" --python "$venv/bin/python"
}

fetch_uv() { # its lines of the lock: from "uv==" to the last hash
    "$venv/bin/uv" --version >/dev/null 2>&1 && return
    awk '/^[a-z]/ { uv = /^uv==/ } uv' "$lock" >"$venv/uv.txt"
    run_pip install --retries 1 --quiet --no-deps --require-hashes --only-binary :all: --requirement "$venv/uv.txt" \
        >>"$log" 2>&1
}

unreachable() { # pip's and uv's words for it
    grep -qiE 'name resolution|name or service not known|nodename nor servname|dns error|network is unreachable' "$log" ||
        grep -qiE 'NewConnectionError|ConnectTimeout|connection refused|failed to connect' "$log"
}

explain_failure() {
    if unreachable; then
        stop 5 "no package index could be reached; the first set-up needs the network" \
            "connect, or set your index or proxy in pip's configuration, and run the same command again"
    fi
    free=$(df -Pk "$venv" | awk 'NR == 2 { print int($4 / 1024) }') # the log itself has no room on a full disk
    if [ "$free" -lt 100 ] || grep -qi 'no space left' "$log"; then
        stop 5 "the disk is full ($free MB free)" "free 300 MB and run the same command again"
    fi
    tail -n 5 "$log" >&2
    stop 3 "the set-up failed (all it said: $log)" "run the same command again; if it fails again, remove $venv first"
}
