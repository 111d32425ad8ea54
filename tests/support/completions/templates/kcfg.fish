# Completion of kcfg for fish. Generated from its command tree; no Python runs on TAB.
#
# Put it into ~/.config/fish/completions/, or load it:  kcfg completion fish | source

# What stands behind an option, by "COMMAND OPTION".
function __kcfg_option_takes --argument-names option
    switch $option
@OPTION_TAKES@
    end
end

function __kcfg_options --argument-names command
    switch "$command"
@OPTIONS@
    end
end

# What an argument of a command is; before: how many stand before it.
function __kcfg_positional --argument-names command before
    switch $command
@POSITIONAL@
    end
end

function __kcfg_commands
    printf '%s\t%s\n' @COMMANDS@
end

function __kcfg_values --argument-names key
    switch $key
@VALUES@
    end
end

# The keys that don't stand there yet, $argv[1] behind each; then the words that stand there.
function __kcfg_keys
    set -l taken (string replace -r '=.*' '' -- $argv[2..])
    set -l keys @KEYS@
    while set -q keys[1]
        contains -- $keys[1] $taken; or printf '%s\t%s\n' $keys[1]$argv[1] $keys[2]
        set -e keys[1..2]
    end
end

# KEY=VALUE: the values of the key that stands there, or the keys; $argv: the words before.
function __kcfg_assignment --argument-names token
    set -l parts (string split -m 1 = -- $token)
    if set -q parts[2]
        for value in (__kcfg_values $parts[1])
            echo -- $parts[1]=$value
        end
    else
        __kcfg_keys = $argv[2..]
    end
end

# KEY VALUE and KEY=VALUE in any mixture; $argv: the words before.
function __kcfg_pair --argument-names token
    set -l key
    for word in $argv[2..]
        if set -q key[1]
            set key
        else if not string match -q -- '*=*' $word
            set key $word
        end
    end
    if set -q key[1]
        __kcfg_values $key
    else if string match -q -- '*=*' $token
        __kcfg_assignment $token
    else
        __kcfg_keys '' $argv[2..]
    end
end

# Files with this ending, and directories; all files where there is none.
function __kcfg_files --argument-names token ending
    set -l all (complete -C "__fish_command_without_completions $token")
    set -l some (string match -r -- "^.*(?:\\$ending|/)\$" $all)
    set -q some[1]; or set some $all
    printf '%s\n' $some
end

function __kcfg_kind --argument-names kind token
    switch "$kind"
        case '' nothing
@FILES@
        case directory
            string match -r -- '^.*/$' (complete -C "__fish_command_without_completions $token")
        case key
            __kcfg_keys ''
        case keys
            __kcfg_keys '' $argv[3..]
        case pairs
            __kcfg_pair $argv[2..]
        case assignments
            __kcfg_assignment $argv[2..]
@WORDS@
    end
end

function __kcfg
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -e words[1]
    set -l command
    set -l option
    set -l dashes
    set -l given
    while set -q words[1]
        if set -q option[1]
            set option
        else if set -q dashes[1]
            set -a given $words[1]
        else if test "$words[1]" = --
            set dashes yes
            if test "$command" = run
                # The command behind it, as fish would complete it alone.
                complete -C (string join ' ' -- (string escape -- $words[2..]) $token)
                return
            end
        else if string match -q -- '-?*' $words[1]
            set -l kind (__kcfg_option_takes "$command $words[1]")
            set -q kind[1]; and set option $kind
        else if set -q command[1]
            set -a given $words[1]
        else
            set command $words[1]
        end
        set -e words[1]
    end
    if set -q option[1]
        __kcfg_kind $option $token
    else if not set -q dashes[1]; and string match -q -- '--*=*' $token
        set -l parts (string split -m 1 = -- $token)
        set -l kind (__kcfg_option_takes "$command $parts[1]")
        for value in (__kcfg_kind "$kind" $parts[2])
            echo -- $parts[1]=$value
        end
    else if not set -q dashes[1]; and string match -q -- '-*' $token
        __kcfg_options $command
    else if not set -q command[1]
        __kcfg_commands
    else
        set -l kind (__kcfg_positional $command (count $given))
        __kcfg_kind "$kind" $token $given
    end
end

complete -c kcfg -f -k -a '(__kcfg)'
