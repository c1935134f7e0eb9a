# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What every script in ci/ shares: talking to the person, running a step quietly, and checking the machine that it
# runs on. Meant to be sourced, first thing, by a script that has done `set -euo pipefail`.
#
# Exit codes used by all of them: 0 fine, 1 something failed, 2 the machine or the command line is not what is needed.

# Debian's own tools, whatever else stands first in this user's PATH; and no flags from outside in the build.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C.UTF-8
unset CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CMAKE_GENERATOR CMAKE_BUILD_TYPE PYTHONPATH

TOP=${BASH_SOURCE[0]%/*}
TOP=$(cd "${TOP:-.}/.." && pwd -P)
BUILD=$TOP/build
LOGS=$BUILD/log
CACHE=${MATTERHORN_CACHE:-${HOME:-/root}/.cache/matterhorn}
case $CACHE in /*) ;; *) CACHE=$PWD/$CACHE ;; esac

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die CODE TEXT...: says why and ends the script.
die() {
    local code=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit "$code"
}

# The comment at the top of a script is its help.
print_help() { awk 'NR > 1 { if (!/^#/) exit; if (!/SPDX/) { sub(/^# ?/, ""); print } }' "$0"; }

# Says every minute that it is still at it, for logs of CI services that stop what is silent. No `sleep`: killing this
# must leave no process behind.
heartbeat() {
    local start=$SECONDS silence
    exec {silence}<> <(:)
    while ! read -r -t 60 -u "$silence"; do
        kill -0 $$ 2>/dev/null || return 0 # the script was killed
        printf '  %-52s %5d s  ...\n' "$1" $((SECONDS - start))
    done
}

# step TEXT COMMAND...: runs the command with its output in a log, prints what is done and the seconds it took, and
# the end of the log if it fails. MATTERHORN_VERBOSE=1 shows the whole output instead.
step() {
    local text=$1 start=$SECONDS status=0 log
    shift
    mkdir -p "$LOGS"
    log=$LOGS/$(printf '%s' "$text" | tr -cs '[:alnum:].+-' '-' | tr '[:upper:]' '[:lower:]').log
    if [ "${MATTERHORN_VERBOSE:-0}" = 1 ]; then
        printf '  %s\n' "$text"
        "$@" || status=$?
    elif [ -t 1 ]; then
        printf '  %-52s' "$text"
        "$@" >"$log" 2>&1 </dev/null || status=$?
        printf '\r'
    else
        local heart
        heartbeat "$text" &
        heart=$!
        "$@" >"$log" 2>&1 </dev/null || status=$?
        kill "$heart" 2>/dev/null || true
        wait "$heart" 2>/dev/null || true
    fi
    if [ "$status" -eq 0 ]; then
        printf '  %-52s %5d s\n' "$text" $((SECONDS - start))
        [ "${MATTERHORN_VERBOSE:-0}" = 1 ] || { grep -E '^warning: ' "$log" >&2 || true; }
    else
        printf '  %-52s %5d s  failed (exit %d)\n' "$text" $((SECONDS - start)) "$status"
        if [ "${MATTERHORN_VERBOSE:-0}" != 1 ]; then
            printf '%s\n' "--- from ${log#"$TOP"/}"
            # ninja goes on for a while beside an error; the error itself is what matters
            if grep -qE '^FAILED: |: (fatal )?error: ' "$log"; then
                grep -E -A6 '^FAILED: |: (fatal )?error: ' "$log" | head -n 40 | cut -c1-300
            else
                tail -n 25 "$log" | cut -c1-300
            fi
            printf '%s\n' '---'
        fi
        return "$status"
    fi
}

# The machine must be one that we know: Debian 12, with /proc and /dev.
require_machine() {
    local id='' version='' name='this system'
    if [ -r /etc/os-release ]; then
        # shellcheck disable=SC1091
        id=$(. /etc/os-release && printf '%s' "${ID:-}")
        # shellcheck disable=SC1091
        version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
        # shellcheck disable=SC1091
        name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-unknown}")
    fi
    if [ "$id" != debian ] || [ "$version" != 12 ]; then
        die 2 "this needs Debian 12 (bookworm), and this is $name. Any Debian 12 will do: a container from debian:bookworm (see Dockerfile), a virtual machine, or a root made by debootstrap."
    fi
    [ -e /proc/self/stat ] ||
        die 2 "/proc is not mounted, and the sanitizers need it. As root: mount -t proc proc /proc"
    local node
    for node in null zero urandom; do
        if ! [ -c /dev/$node ] || ! (: </dev/$node) 2>/dev/null; then
            die 2 "/dev/$node is missing or cannot be read. Mount /dev, from outside a root directory ROOT: mount --rbind /dev ROOT/dev"
        fi
    done
}

# Prints the packages that ci/packages names, one per line.
wanted_packages() { sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d' "$TOP/ci/packages"; }

# Prints those of the given packages which are not installed. One call of dpkg-query: some 20 ms.
missing_packages() {
    local installed
    # shellcheck disable=SC2016 # the format is dpkg-query's
    installed=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p' | sort -u) || true
    printf '%s\n' "$@" | sort -u | comm -23 - <(printf '%s\n' "$installed")
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=120 update &&
        apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "$@"
}

# require_packages PACKAGE...: root gets what is missing installed; anyone else is told the line to type.
require_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        {
            say "${0##*/}: ${#missing[@]} Debian package(s) are missing. As root, or with sudo:"
            say
            say "    apt-get install --no-install-recommends ${missing[*]}"
            say
        } >&2
        exit 2
    fi
    step "install ${#missing[@]} Debian packages" install_packages "${missing[@]}" || exit 2
}

# Everything that must be true before anything is built.
set_up() {
    require_machine
    local packages
    mapfile -t packages < <(wanted_packages)
    require_packages "${packages[@]}"
    mkdir -p "$BUILD" "$LOGS" "$CACHE" 2>/dev/null || die 2 "cannot write to $BUILD or $CACHE"
}

# debian_mirror: prints the URI from which this system takes the suite bookworm itself.
debian_mirror() {
    # shellcheck disable=SC2016 # the format is apt-get's
    apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
        awk '$2 == "bookworm" && $3 == "main" { print $4; exit }'
}

# Only one at a time in a checkout: reports and build tree are shared. Held until the script ends; `ci/build` called by
# one that has it goes ahead.
lock_checkout() {
    [ -z "${MATTERHORN_LOCKED:-}" ] || return 0
    mkdir -p "$BUILD" 2>/dev/null && [ -w "$BUILD" ] || return 0 # whoever needs to write there says so
    exec {CHECKOUT}>"$BUILD/lock"
    flock --nonblock "$CHECKOUT" || die 2 "another build or test runs in this checkout; wait for it, or use another clone"
    export MATTERHORN_LOCKED=1
}

# --- roots of a fresh Debian 12, for ci/fresh and ci/image ---

# in_root ROOT COMMAND...: runs the command in that root, with /proc and /dev. The mounts and the processes live in
# namespaces of their own: they are gone when this ends, however it ends. Meant to be run in the background and waited
# for, so that a signal to the script is not held up.
in_root() {
    local root=$1
    shift
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --pid --fork --kill-child bash -c '
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit 2
        exec chroot "$0" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" "$@"
    ' "$root" "$@"
}

# make_root ROOT [PACKAGE...]: an empty Debian 12 from this system's own mirror, reached as this system reaches it.
make_root() {
    local root=$1 mirror packages
    shift
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die 2 "this system's apt sources have no entry for bookworm main"
    packages=("$@")
    case $mirror in https:*) packages+=(ca-certificates) ;; esac
    local include=()
    if [ ${#packages[@]} -gt 0 ]; then include=("--include=$(IFS=,; printf '%s' "${packages[*]}")"); fi
    unshare --mount --pid --fork --kill-child --mount-proc \
        debootstrap --variant=minbase "${include[@]}" bookworm "$root" "$mirror" || return 1
    apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' >"$root/etc/apt/apt.conf.d/90from-outside" || true
    cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
}
