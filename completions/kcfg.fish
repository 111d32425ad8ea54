# Completion of kcfg for fish. Generated from its command tree; no Python runs on TAB.
#
# Put it into ~/.config/fish/completions/, or load it:  kcfg completion fish | source

# The options of COMMAND that take a value.
function __kcfg_taking --argument-names command
    switch "$command"
        case show
            printf '%s\n' --file -f --keras
        case get
            printf '%s\n' --file -f --keras
        case path
            printf '%s\n' --file -f --keras
        case set
            printf '%s\n' --lock-timeout --file -f --keras
        case unset
            printf '%s\n' --lock-timeout --file -f --keras
        case init
            printf '%s\n' --lock-timeout --file -f --keras
        case run
            printf '%s\n' --keras-home --file -f --keras
        case schema
            printf '%s\n' --keras
        case prod
            printf '%s\n' --axis --dtype --out -o --threads
        case cast
            printf '%s\n' --out -o --threads --file -f --keras
        case info
            printf '%s\n' --threads
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
    printf '%s\t%s\n' 'floatx' 'the dtype of weights and tensors where none is named' 'epsilon' 'the small number that keeps divisions and logarithms defined' 'backend' 'the framework that computes' 'image_dim_ordering' 'where the channels of an image are: tf last, th first' 'image_data_format' 'where the channels of an image are' 'nnx_enabled' 'use flax\'s NNX with the jax backend'
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
complete -c kcfg -n __kcfg_no_command -a show -d 'Print every key: its effective value, its source, its place; then what is wrong.'
complete -c kcfg -n __kcfg_no_command -a get -d 'Print one effective value, alone, on one line.'
complete -c kcfg -n __kcfg_no_command -a path -d 'Print the path of the file that Keras reads.'
complete -c kcfg -n __kcfg_no_command -a set -d 'Judge all values, then write them at once; KEY=VALUE is taken, too.'
complete -c kcfg -n __kcfg_no_command -a unset -d 'Remove keys: back to Keras\'s defaults.'
complete -c kcfg -n __kcfg_no_command -a init -d 'Write the file that Keras itself would write, if there is none.'
complete -c kcfg -n __kcfg_no_command -a run -d 'Run COMMAND with these values in force for that process alone.'
complete -c kcfg -n __kcfg_no_command -a schema -d 'Print the JSON Schema (2020-12) of keras.json.'
complete -c kcfg -n __kcfg_no_command -a prod -d 'Multiply the elements of a .npy file, with the bits of numpy.prod.'
complete -c kcfg -n __kcfg_no_command -a cast -d 'Cast a .npy file, with the bits of numpy.ndarray.astype; without DTYPE to floatx.'
complete -c kcfg -n __kcfg_no_command -a info -d 'Print header facts of .npy files: dtype, shape, order, bytes.'
complete -c kcfg -n __kcfg_no_command -a completion -d 'Print the completion script of a shell: bash, zsh, fish or powershell.'
complete -c kcfg -n '__kcfg_no_command' -l version -d 'Print the version.'
complete -c kcfg -n 'not __kcfg_behind_dashes' -s h -l help -d 'Show the help.'
complete -c kcfg -n '__kcfg_command show get path prod cast info' -l json -d 'One JSON document instead of lines.'
complete -c kcfg -n '__kcfg_command show get path set unset init run cast; and not __kcfg_behind_dashes' -l file -s f -x -k -a '(__kcfg_files .json)' -d 'Use this file instead of finding one.'
complete -c kcfg -n '__kcfg_command show get path set unset init run schema cast; and not __kcfg_behind_dashes' -l keras -x -k -a '3.15.1 3.14.1 3.13.2 3.12.4 3.11.3 3.10.0 3.9.2 3.8.0 3.7.0 3.6.0 3.5.0 3.4.1 3.3.3 3.2.1 3.1.1 3.0.5 2.21.0 2.20.1 2.19.0 2.18.0 2.17.0 2.16.0 2.15.0 2.14.0 2.13.1 2.12.0 2.11.0 2.10.0 2.9.0 2.8.0 2.7.0 2.6.0 2.4.3 2.3.1 2.2.5 2.1.6 2.0.9 1.2.2 1.1.2 1.0.8' -d 'Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15.'
complete -c kcfg -n '__kcfg_command path' -l explain -d 'Each rule tried, and why it was chosen or not.'
complete -c kcfg -n '__kcfg_command set unset init' -l dry-run -s n -d 'Print a unified diff and write nothing.'
complete -c kcfg -n '__kcfg_command set unset init' -l force -d 'Write although the file can\'t be parsed (it is kept as keras.json.bak) or its directory isn\'t trusted.'
complete -c kcfg -n '__kcfg_command set unset init' -l lock-timeout -x -d 'How long to wait for other writers.'
complete -c kcfg -n '__kcfg_command run; and not __kcfg_behind_dashes' -l keras-home -x -k -a '(__kcfg_directories)' -d 'The keras directory for COMMAND.'
complete -c kcfg -n '__kcfg_command run; and not __kcfg_behind_dashes' -l print -d 'Run nothing; print `export` lines for a shell.'
complete -c kcfg -n '__kcfg_command run; and not __kcfg_behind_dashes' -l github -d 'Run nothing; append to the file $GITHUB_ENV.'
complete -c kcfg -n '__kcfg_command prod' -l axis -x -k -a '0 1 2 3 -1' -d 'Axes to multiply along.'
complete -c kcfg -n '__kcfg_command prod' -l keepdims -d 'Keep the multiplied axes, with length 1.'
complete -c kcfg -n '__kcfg_command prod' -l dtype -x -k -a 'bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 complex128 clongdouble' -d 'Multiply in this dtype.'
complete -c kcfg -n '__kcfg_command prod cast' -l out -s o -x -k -a '(__kcfg_files .npy)' -d 'Write .npy to this file; - is stdout.'
complete -c kcfg -n '__kcfg_command prod cast' -l force -d 'Replace OUT if it exists.'
complete -c kcfg -n '__kcfg_command prod cast info' -l threads -x -d 'Default: all cores.'
complete -c kcfg -n '__kcfg_command cast' -l exact -d 'Refuse any change of value, exit status 1.'
complete -c kcfg -n '__kcfg_command info' -l stats -d 'Read the data, too: range, mean, what float16 loses.'
complete -c kcfg -n '__kcfg_argument get 1' -x -k -a '(__kcfg_keys)'
complete -c kcfg -n '__kcfg_command set' -x -k -a '(__kcfg_pairs)'
complete -c kcfg -n '__kcfg_command unset' -x -k -a '(__kcfg_other_keys)'
complete -c kcfg -n '__kcfg_argument init 1' -x -k -a '(__kcfg_directories)'
complete -c kcfg -n '__kcfg_command run; and not __kcfg_behind_dashes' -x -k -a '(__kcfg_assignments)'
complete -c kcfg -n '__kcfg_argument prod 1' -x -k -a '(__kcfg_files .npy)'
complete -c kcfg -n '__kcfg_argument cast 1' -x -k -a '(__kcfg_files .npy)'
complete -c kcfg -n '__kcfg_argument cast 2' -x -k -a 'bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 complex128 clongdouble'
complete -c kcfg -n '__kcfg_command info' -x -k -a '(__kcfg_files .npy)'
complete -c kcfg -n '__kcfg_argument completion 1' -x -k -a 'bash zsh fish powershell'
complete -c kcfg -n __kcfg_behind_dashes -a '(__kcfg_run)'
