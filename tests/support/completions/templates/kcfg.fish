# Completion of kcfg for fish. Generated from its command tree; no Python runs on TAB.
#
# Put it into ~/.config/fish/completions/, or load it:  kcfg completion fish | source

# The options of COMMAND that take a value.
function __kcfg_taking --argument-names command
    switch "$command"
@TAKING@
    end
end

# The words before the cursor that are neither options nor their values, kcfg itself left out:
# the command first.
function __kcfg_words
    set -l words (commandline -opc)
    set -e words[1]
    set -l command
    set -l skip
    set -l dashes
    for word in $words
        if set -q skip[1]
            set skip
        else if set -q dashes[1]
            echo -- $word
        else if test "$word" = --
            set dashes yes
        else if contains -- $word (__kcfg_taking $command)
            set skip yes
        else if not string match -q -- '-?*' $word
            set -q command[1]; or set command $word
            echo -- $word
        end
    end
end

# No command stands there yet.
function __kcfg_no_command
    set -l words (__kcfg_words)
    not set -q words[1]
end

# The command is one of these.
function __kcfg_command
    set -l words (__kcfg_words)
    set -q words[1]; and contains -- $words[1] $argv
end

# The cursor is at the N-th argument (from 1) of the command: COMMAND N.
function __kcfg_argument
    set -l words (__kcfg_words)
    set -q words[1]; and test $words[1] = $argv[1]; and test (count $words) = $argv[2]
end

# The cursor is behind the `--` of `kcfg run`.
function __kcfg_behind_dashes
    contains -- -- (commandline -opc)
end

function __kcfg_keys
    printf '%s\t%s\n' @KEYS@
end

# The keys that don't stand there yet.
function __kcfg_other_keys
    set -l words (string replace -r '=.*' '' -- (__kcfg_words))
    for line in (__kcfg_keys)
        contains -- (string split -m 1 \t -- $line)[1] $words; or echo -- $line
    end
end

function __kcfg_values --argument-names key
    switch "$key"
@VALUES@
    end
end

# KEY=VALUE: the values of the key that stands there.
function __kcfg_assigned
    set -l key (string replace -r '=.*' '' -- (commandline -ct))
    for line in (__kcfg_values "$key")
        echo -- "$key=$line"
    end
end

# KEY VALUE and KEY=VALUE in any mixture.
function __kcfg_pairs
    set -l words (__kcfg_words)
    set -e words[1]
    set -l key
    for word in $words
        if set -q key[1]
            set key
        else if not string match -q -- '*=*' $word
            set key $word
        end
    end
    if set -q key[1]
        __kcfg_values $key
    else if string match -q -- '*=*' (commandline -ct)
        __kcfg_assigned
    else
        __kcfg_other_keys
    end
end

function __kcfg_assignments
    if string match -q -- '*=*' (commandline -ct)
        __kcfg_assigned
    else
        for line in (__kcfg_other_keys)
            string replace \t =\t -- $line
        end
    end
end

# Files with this ending, and directories; all files where there is none.
function __kcfg_files --argument-names ending
    set -l token (string replace -r -- '^--?[a-z-]+=' '' (commandline -ct))
    set -l all (complete -C "__fish_command_without_completions $token")
    set -l some (string match -r -- "^.*(?:\\$ending|/)\$" $all)
    set -q some[1]; or set some $all
    printf '%s\n' $some
end

function __kcfg_directories
    set -l token (string replace -r -- '^--?[a-z-]+=' '' (commandline -ct))
    string match -r -- '^.*/$' (complete -C "__fish_command_without_completions $token")
end

# The command behind `kcfg run ... --`, as fish would complete it alone.
function __kcfg_run
    set -l words (commandline -opc) (commandline -ct)
    while test "$words[1]" != --
        set -e words[1]
    end
    set -l token $words[-1]
    set -e words[1] words[-1]
    complete -C (string join ' ' -- (string escape -- $words) $token)
end

complete -c kcfg -f
@LINES@
