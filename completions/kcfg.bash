# Completion of kcfg for bash. Generated from its command tree; no Python runs on TAB.
#
# Put it where bash-completion looks (~/.local/share/bash-completion/completions/kcfg), or load it
# in ~/.bashrc:  source <(kcfg completion bash)

# What follows a command, or an option of it, by "COMMAND" and "COMMAND OPTION" -> _kind, and
# whether the last argument repeats.
__kcfg_option_takes() {
    _kind=
    case $1 in
        "show --file" | "show -f") _kind=json ;;
        "show --keras") _kind=version ;;
        "get --file" | "get -f") _kind=json ;;
        "get --keras") _kind=version ;;
        "path --file" | "path -f") _kind=json ;;
        "path --keras") _kind=version ;;
        "set --lock-timeout") _kind=nothing ;;
        "set --file" | "set -f") _kind=json ;;
        "set --keras") _kind=version ;;
        "unset --lock-timeout") _kind=nothing ;;
        "unset --file" | "unset -f") _kind=json ;;
        "unset --keras") _kind=version ;;
        "init --lock-timeout") _kind=nothing ;;
        "init --file" | "init -f") _kind=json ;;
        "init --keras") _kind=version ;;
        "run --keras-home") _kind=directory ;;
        "run --file" | "run -f") _kind=json ;;
        "run --keras") _kind=version ;;
        "check --explain") _kind=code ;;
        "check --lock-timeout") _kind=nothing ;;
        "check --file" | "check -f") _kind=json ;;
        "check --keras") _kind=version ;;
        "schema --keras") _kind=version ;;
        "prod --axis") _kind=axis ;;
        "prod --dtype") _kind=dtype ;;
        "prod --out" | "prod -o") _kind=npy ;;
        "prod --threads") _kind=nothing ;;
        "prod --cluster") _kind=nothing ;;
        "cast --out" | "cast -o") _kind=npy ;;
        "cast --threads") _kind=nothing ;;
        "cast --cluster") _kind=nothing ;;
        "cast --file" | "cast -f") _kind=json ;;
        "cast --keras") _kind=version ;;
        "info --threads") _kind=nothing ;;
        "info --cluster") _kind=nothing ;;
    esac
}

__kcfg_options() {
    case $1 in
        "") _words="--version -h --help" ;;
        show) _words="--json --file -f --keras -h --help" ;;
        get) _words="--json --file -f --keras -h --help" ;;
        path) _words="--explain --json --file -f --keras -h --help" ;;
        set) _words="--dry-run -n --force --lock-timeout --file -f --keras -h --help" ;;
        unset) _words="--dry-run -n --force --lock-timeout --file -f --keras -h --help" ;;
        init) _words="--dry-run -n --force --lock-timeout --file -f --keras -h --help" ;;
        run) _words="--keras-home --print --github --file -f --keras -h --help" ;;
        check) _words="--fix --unsafe-fixes --strict --json --github --dry-run -n --list --explain --force --lock-timeout --file -f --keras -h --help" ;;
        schema) _words="--keras -h --help" ;;
        prod) _words="--axis --keepdims --dtype --out -o --force --threads --cluster --json -h --help" ;;
        cast) _words="--exact --out -o --force --threads --cluster --json --file -f --keras -h --help" ;;
        info) _words="--stats --json --threads --cluster -h --help" ;;
        completion) _words="-h --help" ;;
    esac
}

__kcfg_positional() { # COMMAND, how many stand before -> _kind
    _kind=
    case $1 in
        get) (($2 == 0)) && _kind=key ;;
        set) _kind=pairs ;;
        unset) _kind=keys ;;
        init) (($2 == 0)) && _kind=directory ;;
        run) _kind=assignments ;;
        check) _kind=json ;;
        prod) (($2 == 0)) && _kind=npy ;;
        cast) (($2 == 0)) && _kind=npy; (($2 == 1)) && _kind=dtype ;;
        info) _kind=npy ;;
        completion) (($2 == 0)) && _kind=shell ;;
    esac
}

# The words that a kind, or a key's value, allows -> _words.
__kcfg_words() {
    _words=
    case $1 in
        key) _words="floatx epsilon backend image_dim_ordering image_data_format nnx_enabled" ;;
        version) _words="3.15.1 3.14.1 3.13.2 3.12.4 3.11.3 3.10.0 3.9.2 3.8.0 3.7.0 3.6.0 3.5.0 3.4.1 3.3.3 3.2.1 3.1.1 3.0.5 2.21.0 2.20.1 2.19.0 2.18.0 2.17.0 2.16.0 2.15.0 2.14.0 2.13.1 2.12.0 2.11.0 2.10.0 2.9.0 2.8.0 2.7.0 2.6.0 2.4.3 2.3.1 2.2.5 2.1.6 2.0.9 1.2.2 1.1.2 1.0.8" ;;
        dtype) _words="bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 complex128 clongdouble" ;;
        axis) _words="0 1 2 3 -1" ;;
        shell) _words="bash zsh fish powershell" ;;
        code) _words="malformed-json empty-file bom utf-16 not-utf-8 nul-bytes merge-conflict too-deep not-an-object duplicate-key unknown-key key-not-read floatx-unknown floatx-only-in-code epsilon-not-float epsilon-not-finite epsilon-negative epsilon-zero epsilon-lost-in-floatx layout-unknown channels-first-on-tensorflow nnx-enabled-not-boolean nnx-needs-flax backend-removed backend-too-new backend-unknown backend-not-read backend-inference-only backend-not-installed fails-in-other-keras shadowed-by-env variable-not-read variable-misspelt limit-not-integer nnx-variable-unclear legacy-switch-unclear conda-sets-backend directory-in-place unreadable-file unwritable-place dangling-link home-passed-over fallback-used keras-home-empty keras-home-relative keras-home-tilde keras-home-names-file keras-home-not-directory keras-home-missing misnamed-file misplaced-file untrusted-owner untrusted-mode group-writable symlink-in-shared-directory" ;;
    esac
}

__kcfg_values() {
    _words=
    case $1 in
        floatx) _words="float16 float32 float64" ;;
        backend) _words="tensorflow theano cntk jax torch numpy openvino" ;;
        image_dim_ordering) _words="tf th" ;;
        image_data_format) _words="channels_last channels_first" ;;
        nnx_enabled) _words="true false" ;;
    esac
}

# COMP_WORDS is split at "=" and ":", too; here are the words up to the cursor as kcfg will get
# them -> _line; redirections -> _redirected, as only the last can be under the cursor.
__kcfg_read_line() {
    local line=${COMP_LINE:0:COMP_POINT} i part gap before=
    _line=()
    _redirected=
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        gap=${line%%[![:blank:]]*}
        line=${line#"$gap"}
        if ((i == COMP_CWORD)); then
            part=$line
        else
            line=${line#"$part"}
        fi
        if [[ $part == *[\<\>]* && $part != *[![:digit:]\<\>\&\|]* ]]; then
            _redirected=yes
        elif [[ -n $_redirected ]]; then
            ((i == COMP_CWORD)) || _redirected=
        elif [[ $i -gt 0 && -z $gap ]]; then
            _line[${#_line[@]} - 1]+=$part
        else
            _line+=("$part")
        fi
    done
}

# Every word of $1 that begins as the cursor's word does, $2 behind it.
__kcfg_offer() {
    local word
    for word in $1; do
        [[ $word == "$_cur"* ]] && COMPREPLY+=("$_before$word$2")
    done
}

# The keys that aren't among $2..., $1 behind each.
__kcfg_offer_keys() {
    local behind=$1 key
    local left=
    shift
    __kcfg_words key
    for key in $_words; do
        [[ " $* " == *" $key"[\ =]* ]] || left+=" $key"
    done
    __kcfg_offer "$left" "$behind"
}

# Files that match $1, and directories; all files where there is none.
__kcfg_offer_files() {
    local name
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do
        COMPREPLY+=("$_before$name")
    done < <(
        compgen -d -- "$_cur" && none= || none=yes
        [[ $1 == / ]] || compgen -f -X "!$1" -- "$_cur" || [[ -z $none ]] || compgen -f -- "$_cur"
    )
}

# KEY=VALUE: the keys with "=" behind them, or the values of the key that stands there.
__kcfg_offer_assignment() {
    if [[ $_cur == *=* ]]; then
        __kcfg_values "${_cur%%=*}"
        _before+=${_cur%%=*}=
        _cur=${_cur#*=}
        __kcfg_offer "$_words"
    else
        compopt -o nospace 2>/dev/null
        __kcfg_offer_keys = "$@"
    fi
}

# KEY VALUE and KEY=VALUE in any mixture.
__kcfg_offer_pair() {
    local key= word
    for word in "$@"; do
        if [[ -n $key ]]; then
            key=
        elif [[ $word != *=* ]]; then
            key=$word
        fi
    done
    if [[ -n $key ]]; then
        __kcfg_values "$key"
        __kcfg_offer "$_words"
    elif [[ $_cur == *=* ]]; then
        __kcfg_offer_assignment
    else
        __kcfg_offer_keys "" "$@"
    fi
}

# The command behind `kcfg run ... --`, as bash would complete it alone; $1: its place in _line.
__kcfg_offer_command() {
    local offset
    for ((offset = 1; offset < COMP_CWORD; offset++)); do
        [[ ${COMP_WORDS[offset]} == -- ]] && break
    done
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset $((offset + 1))
    elif declare -F _command_offset >/dev/null; then
        _command_offset $((offset + 1))
    elif (($1 == ${#_line[@]} - 1)) && [[ $_cur != */* ]]; then
        while IFS= read -r offset; do
            COMPREPLY+=("$offset")
        done < <(compgen -c -- "$_cur")
    else
        __kcfg_offer_files '*'
    fi
}

__kcfg_offer_kind() { # KIND, the words that stand before
    local kind=$1
    shift
    case $kind in
        "" | nothing) ;;
        json) __kcfg_offer_files '*.json' ;;
        npy) __kcfg_offer_files '*.npy' ;;
        directory) __kcfg_offer_files / ;;
        pairs) __kcfg_offer_pair "$@" ;;
        assignments) __kcfg_offer_assignment "$@" ;;
        keys) __kcfg_offer_keys "" "$@" ;;
        *)
            __kcfg_words "$kind"
            __kcfg_offer "$_words"
            ;;
    esac
}

_kcfg() {
    local _line=() _redirected _kind _words _cur _before= \
        at word command= option= dashes= given=() IFS=$' \t\n'
    COMPREPLY=()
    __kcfg_read_line
    if [[ -n $_redirected ]]; then
        _cur=$2
        __kcfg_offer_files '*'
        return
    fi
    _cur=${_line[${#_line[@]} - 1]}
    _cur=${_cur#[\"\']}
    for ((at = 1; at < ${#_line[@]} - 1; at++)); do
        word=${_line[at]//[\"\'\\]/}
        if [[ -n $option ]]; then
            option=
        elif [[ -z $dashes && $word == -- ]]; then
            dashes=$at
            [[ $command == run ]] && break
        elif [[ -z $dashes && $word == -?* ]]; then
            __kcfg_option_takes "$command $word"
            [[ -n $_kind ]] && option=$word
        elif [[ -z $command ]]; then
            command=$word
        else
            given+=("$word")
        fi
    done
    if [[ -n $option ]]; then
        __kcfg_option_takes "$command $option"
        __kcfg_offer_kind "$_kind"
    elif [[ $command == run && -n $dashes ]]; then
        __kcfg_offer_command $((dashes + 1))
    elif [[ -z $dashes && $_cur == --*=* ]]; then
        __kcfg_option_takes "$command ${_cur%%=*}"
        _before=${_cur%%=*}=
        _cur=${_cur#*=}
        __kcfg_offer_kind "$_kind"
    elif [[ -z $dashes && $_cur == -* ]]; then
        __kcfg_options "$command"
        __kcfg_offer "$_words"
    elif [[ -z $command ]]; then
        __kcfg_offer "show get path set unset init run check schema prod cast info completion"
    else
        __kcfg_positional "$command" ${#given[@]}
        __kcfg_offer_kind "$_kind" "${given[@]}"
    fi
    # Readline replaces only what stands behind the last "=" or ":".
    if ((${#COMPREPLY[@]})) && [[ -z $dashes || $command != run ]]; then
        word=${_line[${#_line[@]} - 1]}
        word=${word#[\"\']}
        COMPREPLY=("${COMPREPLY[@]#"${word%"$2"}"}")
    fi
}

complete -F _kcfg kcfg
