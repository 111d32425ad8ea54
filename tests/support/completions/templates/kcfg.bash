# Completion of kcfg for bash. Generated from its command tree; no Python runs on TAB.
#
# Put it where bash-completion looks (~/.local/share/bash-completion/completions/kcfg), or load it
# in ~/.bashrc:  source <(kcfg completion bash)

# What follows a command, or an option of it, by "COMMAND" and "COMMAND OPTION" -> _kind, and
# whether the last argument repeats.
__kcfg_option_takes() {
    _kind=
    case $1 in
@OPTION_TAKES@
    esac
}

__kcfg_options() {
    case $1 in
@OPTIONS@
    esac
}

__kcfg_positional() { # COMMAND, how many stand before -> _kind
    _kind=
    case $1 in
@POSITIONAL@
    esac
}

# The words that a kind, or a key's value, allows -> _words.
__kcfg_words() {
    _words=
    case $1 in
@WORDS@
    esac
}

__kcfg_values() {
    _words=
    case $1 in
@VALUES@
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
@FILES@
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
        __kcfg_offer "@COMMANDS@"
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
