# tools/common.sh: what the tools share; sourced, not run. Ends up in the repository's root.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where run_tests keeps the whole output of each run; what it shows leaves out the lines of starts.
readonly log_directory=.build/logs

# The test targets that run in a release build only, as `swift test --filter` takes them: they
# simulate a hundred thousand crashes.
# shellcheck disable=SC2034
readonly release_suites='CairnCrashTests'

fail() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

has_command() { command -v "$1" >/dev/null; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif [[ -t 0 ]]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

phase_name="" phase_start=0

# Names what comes next, and says how long the phase before it took.
phase() {
    end_phase
    phase_name=$1 phase_start=$SECONDS
    printf '\n== %s\n' "$phase_name"
}

end_phase() {
    [[ -z $phase_name ]] || printf '== %s: %d s\n' "$phase_name" $((SECONDS - phase_start))
    phase_name=""
}

# Lints these files and directories of Swift, and the syntax of all scripts.
lint() {
    local script
    swift format lint --strict --recursive --parallel "$@" ||
        fail "layout findings; 'swift format -i -r -p $*' settles most of them"
    for script in tools/* Benchmarks/compare .ci/run; do
        [[ ! -f $script ]] || bash -n "$script" || fail "$script is not valid bash"
    done
}

# Builds what users run, and looks at it: no Foundation, and a storage seam that costs nothing.
check_release_binaries() {
    local product binaries
    binaries=$(swift build -c release --show-bin-path)
    for product in cairn-bench cairn cairnd; do
        swift build -c release --product "$product"
        tools/seam-check "$binaries/$product"
    done
}

# Fails when a put or a get of the engine allocates, as it must not.
check_allocations() {
    local binaries
    binaries=$(swift build -c release --show-bin-path)
    swift build -c release --product cairn-micro
    "$binaries/cairn-micro" --check --dir .build
}

# run_tests NAME ARGUMENTS…: one run of `swift test`. Fails when a test fails, and when none ran;
# the last line shown is the runner's. Environment (SEED, CAIRN_…) passes through to the tests.
run_tests() {
    local name=$1 log="$log_directory/$1.log" status=0
    shift
    mkdir -p "$log_directory"
    swift test --disable-xctest "$@" 2>&1 | tee "$log" |
        { grep --line-buffered -vE '^◇ (Test|Suite) .* started\.$|^✔ Suite ' || true; } || status=$?
    # The exit status decides, not the closing line: a sanitizer's report changes only the former.
    if ((status)); then
        echo "$0: the $name run failed with status $status; all it printed: $log" >&2
        show_unfinished "$log"
        show_issues "$log" >&2
        closing_line "$log"
        return "$status"
    fi
    (($(executed_count "$log") > 0)) || fail "no test ran in the $name run (swift test $*)"
}

# What the tests found, without what passed: the last lines are often all that is kept of a log.
show_issues() {
    sed -nE '/^✘ Test .* recorded an issue/,/^(✔|◇|✘ Test .* failed after)/{/^(✔|◇)/d; p}' "$1"
}

closing_line() { sed -n '/ Test run with /p' "$1" | tail -n 1; }

# How many tests the run in this log executed, by the runner's closing line.
executed_count() {
    local count
    count=$(closing_line "$1" | sed -nE 's/^.* Test run with ([0-9]+) tests? .*/\1/p')
    echo "${count:-0}"
}

# How many tests failed in the run of this log.
failed_count() { sed -nE '/^✘ Test run /d; /^✘ Test .* failed after /p' "$1" | wc -l; }

# After a trap there is no closing line; the tests that had begun and not ended are the suspects. Where
# there are many of them the names say nothing. What the process said at its end comes last.
show_unfinished() {
    [[ -z $(closing_line "$1") ]] || return 0
    echo "Not finished when the run ended:" >&2
    awk -v most=40 '
        /^◇ Test (case|run) / { next }
        /^◇ Test .* started\.$/ { sub(/^◇ /, ""); sub(/ started\.$/, ""); open[$0] = 1 }
        /^(✔|✘) Test .* (passed|failed) after / {
            sub(/^[^ ]+ /, ""); sub(/ (with [0-9]+ test cases )?(passed|failed) after .*/, "")
            delete open[$0]
        }
        END {
            for (name in open) count++
            if (count > most) { print "  " count " tests"; exit }
            for (name in open) print "  " name
        }' "$1" >&2
    echo "Its last words:" >&2
    { grep -aE '(Fatal error|error): ' "$1" || true; } | tail -n 5 >&2
    { grep -avE '^(◇ |✔ |SEED=)' "$1" || true; } | tail -n 20 >&2
}
