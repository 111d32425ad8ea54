# Completion of kcfg for fish. Generated from its command tree; no Python runs on TAB.
#
# Put it into ~/.config/fish/completions/, or load it:  kcfg completion fish | source

# What stands behind an option, by "COMMAND OPTION".
function __kcfg_option_takes --argument-names option
    switch $option
        case 'show --file' 'show -f'
            echo json
        case 'show --keras'
            echo version
        case 'get --file' 'get -f'
            echo json
        case 'get --keras'
            echo version
        case 'path --file' 'path -f'
            echo json
        case 'path --keras'
            echo version
        case 'set --lock-timeout'
            echo nothing
        case 'set --file' 'set -f'
            echo json
        case 'set --keras'
            echo version
        case 'unset --lock-timeout'
            echo nothing
        case 'unset --file' 'unset -f'
            echo json
        case 'unset --keras'
            echo version
        case 'init --lock-timeout'
            echo nothing
        case 'init --file' 'init -f'
            echo json
        case 'init --keras'
            echo version
        case 'run --keras-home'
            echo directory
        case 'run --file' 'run -f'
            echo json
        case 'run --keras'
            echo version
        case 'check --explain'
            echo code
        case 'check --lock-timeout'
            echo nothing
        case 'check --file' 'check -f'
            echo json
        case 'check --keras'
            echo version
        case 'schema --keras'
            echo version
        case 'prod --axis'
            echo axis
        case 'prod --dtype'
            echo dtype
        case 'prod --out' 'prod -o'
            echo npy
        case 'prod --threads'
            echo nothing
        case 'prod --cluster'
            echo nothing
        case 'cast --out' 'cast -o'
            echo npy
        case 'cast --threads'
            echo nothing
        case 'cast --cluster'
            echo nothing
        case 'cast --file' 'cast -f'
            echo json
        case 'cast --keras'
            echo version
        case 'info --threads'
            echo nothing
        case 'info --cluster'
            echo nothing
    end
end

function __kcfg_options --argument-names command
    switch "$command"
        case ''
            printf '%s\t%s\n' '--version' 'Print the version.' '-h' 'Show the help.' '--help' 'Show the help.'
        case show
            printf '%s\t%s\n' '--json' 'One JSON document instead of lines.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case get
            printf '%s\t%s\n' '--json' 'One JSON document instead of lines.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case path
            printf '%s\t%s\n' '--explain' 'Each rule tried, and why it was chosen or not.' '--json' 'One JSON document instead of lines.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case set
            printf '%s\t%s\n' '--dry-run' 'Print a unified diff and write nothing.' '-n' 'Print a unified diff and write nothing.' '--force' 'Write although the file can\'t be parsed (it is kept as keras.json.bak) or its directory isn\'t trusted.' '--lock-timeout' 'How long to wait for other writers.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case unset
            printf '%s\t%s\n' '--dry-run' 'Print a unified diff and write nothing.' '-n' 'Print a unified diff and write nothing.' '--force' 'Write although the file can\'t be parsed (it is kept as keras.json.bak) or its directory isn\'t trusted.' '--lock-timeout' 'How long to wait for other writers.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case init
            printf '%s\t%s\n' '--dry-run' 'Print a unified diff and write nothing.' '-n' 'Print a unified diff and write nothing.' '--force' 'Write although the file can\'t be parsed (it is kept as keras.json.bak) or its directory isn\'t trusted.' '--lock-timeout' 'How long to wait for other writers.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case run
            printf '%s\t%s\n' '--keras-home' 'The keras directory for COMMAND.' '--print' 'Run nothing; print `export` lines for a shell.' '--github' 'Run nothing; append to the file $GITHUB_ENV.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case check
            printf '%s\t%s\n' '--fix' 'Mend what can mean only one thing.' '--unsafe-fixes' 'Mend the rest, too: choose for you, lose comments.' '--strict' 'A warning is an error.' '--json' 'One JSON document instead of lines.' '--github' 'Annotations for GitHub Actions.' '--dry-run' 'Print a unified diff and write nothing.' '-n' 'Print a unified diff and write nothing.' '--list' 'Name all checks.' '--explain' 'Tell one check at length.' '--force' 'Write although the file can\'t be parsed (it is kept as keras.json.bak) or its directory isn\'t trusted.' '--lock-timeout' 'How long to wait for other writers.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case schema
            printf '%s\t%s\n' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case prod
            printf '%s\t%s\n' '--axis' 'Axes to multiply along.' '--keepdims' 'Keep the multiplied axes, with length 1.' '--dtype' 'Multiply in this dtype.' '--out' 'Write .npy to this file; - is stdout.' '-o' 'Write .npy to this file; - is stdout.' '--force' 'Replace OUT if it exists.' '--threads' 'Default: all cores.' '--cluster' 'Work on a Dask cluster whose workers see the same files: a scheduler\'s address, or local:N for N processes here.' '--json' 'One JSON document instead of lines.' '-h' 'Show the help.' '--help' 'Show the help.'
        case cast
            printf '%s\t%s\n' '--exact' 'Refuse any change of value, exit status 1.' '--out' 'Write .npy to this file; - is stdout.' '-o' 'Write .npy to this file; - is stdout.' '--force' 'Replace OUT if it exists.' '--threads' 'Default: all cores.' '--cluster' 'Work on a Dask cluster whose workers see the same files: a scheduler\'s address, or local:N for N processes here.' '--json' 'One JSON document instead of lines.' '--file' 'Use this file instead of finding one.' '-f' 'Use this file instead of finding one.' '--keras' 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.' '-h' 'Show the help.' '--help' 'Show the help.'
        case info
            printf '%s\t%s\n' '--stats' 'Read the data, too: range, mean, what float16 loses.' '--json' 'One JSON document instead of lines.' '--threads' 'Default: all cores.' '--cluster' 'Work on a Dask cluster whose workers see the same files: a scheduler\'s address, or local:N for N processes here.' '-h' 'Show the help.' '--help' 'Show the help.'
        case completion
            printf '%s\t%s\n' '-h' 'Show the help.' '--help' 'Show the help.'
    end
end

# What an argument of a command is; before: how many stand before it.
function __kcfg_positional --argument-names command before
    switch $command
        case get
            test $before = 0; and echo key
        case set
            echo pairs
        case unset
            echo keys
        case init
            test $before = 0; and echo directory
        case run
            echo assignments
        case check
            echo json
        case prod
            test $before = 0; and echo npy
        case cast
            test $before = 0; and echo npy
            test $before = 1; and echo dtype
        case info
            echo npy
        case completion
            test $before = 0; and echo shell
    end
end

function __kcfg_commands
    printf '%s\t%s\n' 'show' 'Print each key\'s effective value, and where it comes from.' 'get' 'Print one effective value, alone, on one line.' 'path' 'Print the path of the file that Keras reads.' 'set' 'Judge all values, then write them at once.' 'unset' 'Remove keys: back to Keras\'s defaults.' 'init' 'Write the file that Keras would write, if there is none.' 'run' 'Run COMMAND with these values in force for that process alone.' 'check' 'Say what Keras would do with each FILE, or here and now.' 'schema' 'Print the JSON Schema (2020-12) of keras.json.' 'prod' 'Multiply a .npy file\'s elements, with the bits of numpy.prod.' 'cast' 'Cast a .npy file, with the bits of numpy.ndarray.astype.' 'info' 'Print header facts of .npy files: dtype, shape, order, bytes.' 'completion' 'Print a shell\'s completion script.'
end

function __kcfg_values --argument-names key
    switch $key
        case floatx
            printf '%s\t%s\n' 'float16' '' 'float32' '' 'float64' ''
        case backend
            printf '%s\t%s\n' 'tensorflow' 'Keras 1.0 on' 'theano' 'Keras 1.0, before 2.4' 'cntk' 'Keras 2.0, before 2.4' 'jax' 'Keras 3.0 on' 'torch' 'Keras 3.0 on' 'numpy' 'Keras 3.0 on' 'openvino' 'Keras 3.8 on'
        case image_dim_ordering
            printf '%s\t%s\n' 'tf' '' 'th' ''
        case image_data_format
            printf '%s\t%s\n' 'channels_last' '' 'channels_first' ''
        case nnx_enabled
            printf '%s\t%s\n' 'true' '' 'false' ''
    end
end

# The keys that don't stand there yet, $argv[1] behind each; then the words that stand there.
function __kcfg_keys
    set -l taken (string replace -r '=.*' '' -- $argv[2..])
    set -l keys 'floatx' 'the dtype of weights and tensors where none is named' 'epsilon' 'the small number that keeps divisions and logarithms defined' 'backend' 'the framework that computes' 'image_dim_ordering' 'where the channels of an image are: tf last, th first' 'image_data_format' 'where the channels of an image are' 'nnx_enabled' 'use flax\'s NNX with the jax backend'
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
        case json
            __kcfg_files $token .json
        case npy
            __kcfg_files $token .npy
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
        case version
            printf '%s\n' 3.15.1 3.14.1 3.13.2 3.12.4 3.11.3 3.10.0 3.9.2 3.8.0 3.7.0 3.6.0 3.5.0 3.4.1 3.3.3 3.2.1 3.1.1 3.0.5 2.21.0 2.20.1 2.19.0 2.18.0 2.17.0 2.16.0 2.15.0 2.14.0 2.13.1 2.12.0 2.11.0 2.10.0 2.9.0 2.8.0 2.7.0 2.6.0 2.4.3 2.3.1 2.2.5 2.1.6 2.0.9 1.2.2 1.1.2 1.0.8
        case dtype
            printf '%s\n' bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 complex128 clongdouble
        case axis
            printf '%s\n' 0 1 2 3 -1
        case shell
            printf '%s\n' bash zsh fish powershell
        case code
            printf '%s\n' malformed-json empty-file bom utf-16 not-utf-8 nul-bytes merge-conflict too-deep not-an-object duplicate-key unknown-key key-not-read floatx-unknown floatx-only-in-code epsilon-not-float epsilon-not-finite epsilon-negative epsilon-zero epsilon-lost-in-floatx layout-unknown channels-first-on-tensorflow nnx-enabled-not-boolean nnx-needs-flax backend-removed backend-too-new backend-unknown backend-not-read backend-inference-only backend-not-installed fails-in-other-keras shadowed-by-env variable-not-read variable-misspelt limit-not-integer nnx-variable-unclear legacy-switch-unclear conda-sets-backend directory-in-place unreadable-file unwritable-place dangling-link home-passed-over fallback-used keras-home-empty keras-home-relative keras-home-tilde keras-home-names-file keras-home-not-directory keras-home-missing misnamed-file misplaced-file untrusted-owner untrusted-mode group-writable symlink-in-shared-directory
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
