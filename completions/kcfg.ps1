# Completion of kcfg for PowerShell 5.1 and later. Generated from its command tree; no Python runs
# on TAB. Load it in $PROFILE:  kcfg completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName kcfg -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # What stands behind an option, by "COMMAND OPTION".
    $optionTakes = @{
        'show --file' = 'json'
        'show -f' = 'json'
        'show --keras' = 'version'
        'get --file' = 'json'
        'get -f' = 'json'
        'get --keras' = 'version'
        'path --file' = 'json'
        'path -f' = 'json'
        'path --keras' = 'version'
        'set --lock-timeout' = 'nothing'
        'set --file' = 'json'
        'set -f' = 'json'
        'set --keras' = 'version'
        'unset --lock-timeout' = 'nothing'
        'unset --file' = 'json'
        'unset -f' = 'json'
        'unset --keras' = 'version'
        'init --lock-timeout' = 'nothing'
        'init --file' = 'json'
        'init -f' = 'json'
        'init --keras' = 'version'
        'run --keras-home' = 'directory'
        'run --file' = 'json'
        'run -f' = 'json'
        'run --keras' = 'version'
        'check --explain' = 'code'
        'check --lock-timeout' = 'nothing'
        'check --file' = 'json'
        'check -f' = 'json'
        'check --keras' = 'version'
        'schema --keras' = 'version'
        'prod --axis' = 'axis'
        'prod --dtype' = 'dtype'
        'prod --out' = 'npy'
        'prod -o' = 'npy'
        'prod --threads' = 'nothing'
        'prod --cluster' = 'nothing'
        'cast --out' = 'npy'
        'cast -o' = 'npy'
        'cast --threads' = 'nothing'
        'cast --cluster' = 'nothing'
        'cast --file' = 'json'
        'cast -f' = 'json'
        'cast --keras' = 'version'
        'info --threads' = 'nothing'
        'info --cluster' = 'nothing'
    }
    $options = @{
        '' = @('--version', '-h', '--help')
        'show' = @('--json', '--file', '-f', '--keras', '-h', '--help')
        'get' = @('--json', '--file', '-f', '--keras', '-h', '--help')
        'path' = @('--explain', '--json', '--file', '-f', '--keras', '-h', '--help')
        'set' = @('--dry-run', '-n', '--force', '--lock-timeout', '--file', '-f', '--keras', '-h', '--help')
        'unset' = @('--dry-run', '-n', '--force', '--lock-timeout', '--file', '-f', '--keras', '-h', '--help')
        'init' = @('--dry-run', '-n', '--force', '--lock-timeout', '--file', '-f', '--keras', '-h', '--help')
        'run' = @('--keras-home', '--print', '--github', '--file', '-f', '--keras', '-h', '--help')
        'check' = @('--fix', '--unsafe-fixes', '--strict', '--json', '--github', '--dry-run', '-n', '--list', '--explain', '--force', '--lock-timeout', '--file', '-f', '--keras', '-h', '--help')
        'schema' = @('--keras', '-h', '--help')
        'prod' = @('--axis', '--keepdims', '--dtype', '--out', '-o', '--force', '--threads', '--cluster', '--json', '-h', '--help')
        'cast' = @('--exact', '--out', '-o', '--force', '--threads', '--cluster', '--json', '--file', '-f', '--keras', '-h', '--help')
        'info' = @('--stats', '--json', '--threads', '--cluster', '-h', '--help')
        'completion' = @('-h', '--help')
    }
    # What the arguments of a command are; the last one may repeat.
    $positional = @{
        'get' = @('key')
        'set' = @('pairs')
        'unset' = @('keys')
        'init' = @('directory')
        'run' = @('assignments')
        'check' = @('json')
        'prod' = @('npy')
        'cast' = @('npy', 'dtype')
        'info' = @('npy')
        'completion' = @('shell')
    }
    $repeats = @('set', 'unset', 'run', 'check', 'info')
    $words = @{
        'key' = @('floatx', 'epsilon', 'backend', 'image_dim_ordering', 'image_data_format', 'nnx_enabled')
        'version' = @('3.15.1', '3.14.1', '3.13.2', '3.12.4', '3.11.3', '3.10.0', '3.9.2', '3.8.0', '3.7.0', '3.6.0', '3.5.0', '3.4.1', '3.3.3', '3.2.1', '3.1.1', '3.0.5', '2.21.0', '2.20.1', '2.19.0', '2.18.0', '2.17.0', '2.16.0', '2.15.0', '2.14.0', '2.13.1', '2.12.0', '2.11.0', '2.10.0', '2.9.0', '2.8.0', '2.7.0', '2.6.0', '2.4.3', '2.3.1', '2.2.5', '2.1.6', '2.0.9', '1.2.2', '1.1.2', '1.0.8')
        'dtype' = @('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float16', 'float32', 'float64', 'longdouble', 'complex64', 'complex128', 'clongdouble')
        'axis' = @('0', '1', '2', '3', '-1')
        'shell' = @('bash', 'zsh', 'fish', 'powershell')
        'code' = @('malformed-json', 'empty-file', 'bom', 'utf-16', 'not-utf-8', 'nul-bytes', 'merge-conflict', 'too-deep', 'not-an-object', 'duplicate-key', 'unknown-key', 'key-not-read', 'floatx-unknown', 'floatx-only-in-code', 'epsilon-not-float', 'epsilon-not-finite', 'epsilon-negative', 'epsilon-zero', 'epsilon-lost-in-floatx', 'layout-unknown', 'channels-first-on-tensorflow', 'nnx-enabled-not-boolean', 'nnx-needs-flax', 'backend-removed', 'backend-too-new', 'backend-unknown', 'backend-not-read', 'backend-inference-only', 'backend-not-installed', 'fails-in-other-keras', 'shadowed-by-env', 'variable-not-read', 'variable-misspelt', 'limit-not-integer', 'nnx-variable-unclear', 'legacy-switch-unclear', 'conda-sets-backend', 'directory-in-place', 'unreadable-file', 'unwritable-place', 'dangling-link', 'home-passed-over', 'fallback-used', 'keras-home-empty', 'keras-home-relative', 'keras-home-tilde', 'keras-home-names-file', 'keras-home-not-directory', 'keras-home-missing', 'misnamed-file', 'misplaced-file', 'untrusted-owner', 'untrusted-mode', 'group-writable', 'symlink-in-shared-directory')
    }
    $values = @{
        'floatx' = @('float16', 'float32', 'float64')
        'epsilon' = @()
        'backend' = @('tensorflow', 'theano', 'cntk', 'jax', 'torch', 'numpy', 'openvino')
        'image_dim_ordering' = @('tf', 'th')
        'image_data_format' = @('channels_last', 'channels_first')
        'nnx_enabled' = @('true', 'false')
    }

    function Complete-Word($candidates, $behind = '') {
        foreach ($candidate in $candidates) {
            if ($candidate.StartsWith($current, 'Ordinal')) {
                [System.Management.Automation.CompletionResult]::new(
                    $before + $candidate + $behind, $candidate, 'ParameterValue', $candidate)
            }
        }
    }
    function Complete-File($endings) {
        $found = @([System.Management.Automation.CompletionCompleters]::CompleteFilename($current))
        $fitting = @($found | Where-Object {
                $name = $_.ListItemText
                $_.ResultType -eq 'ProviderContainer' -or
                @($endings | Where-Object { $name -like $_ }).Count
            })
        if ($fitting.Count -or -not $endings) { $found = $fitting }
        foreach ($one in $found) {
            [System.Management.Automation.CompletionResult]::new(
                $before + $one.CompletionText, $one.ListItemText, $one.ResultType, $one.ToolTip)
        }
    }
    # The keys that don't stand there yet.
    function Select-Key($given) {
        $taken = @($given | ForEach-Object { $_.Split('=')[0] })
        $words['key'] | Where-Object { $taken -notcontains $_ }
    }
    function Complete-Assignment($given) {
        if ($current.Contains('=')) {
            $key, $value = $current.Split([char[]]'=', 2)
            $before = "$before$key="
            $current = $value
            Complete-Word $values[$key]
        } else {
            Complete-Word (Select-Key $given) '='
        }
    }
    # KEY VALUE and KEY=VALUE in any mixture.
    function Complete-Pair($given) {
        $key = ''
        foreach ($word in $given) {
            if ($key) { $key = '' } elseif (-not $word.Contains('=')) { $key = $word }
        }
        if ($key) {
            Complete-Word $values[$key]
        } elseif ($current.Contains('=')) {
            Complete-Assignment $given
        } else {
            Complete-Word (Select-Key $given)
        }
    }
    function Complete-Kind($kind, $given) {
        switch ($kind) {
            'json' { Complete-File @('*.json') }
            'npy' { Complete-File @('*.npy') }
            'directory' { Complete-File @() }
            'pairs' { Complete-Pair $given }
            'assignments' { Complete-Assignment $given }
            'keys' { Complete-Word (Select-Key $given) }
            default { if ($kind) { Complete-Word $words[$kind] } }
        }
    }

    $before = ''
    $current = $wordToComplete
    $command = ''
    $option = ''
    $dashes = $false
    $given = @()
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        # The word under the cursor comes last; what follows it doesn't count.
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            if ($element.Extent.StartOffset -lt $cursorPosition) {
                $current = $element.Extent.Text.Substring(
                    0, $cursorPosition - $element.Extent.StartOffset).Trim('"', "'")
            }
            break
        }
        $word = $element.Extent.Text.Trim('"', "'")
        if ($option) { $option = '' }
        elseif (-not $dashes -and $word -eq '--') { $dashes = $true }
        elseif (-not $dashes -and $word.Length -gt 1 -and $word.StartsWith('-', 'Ordinal')) {
            if ($optionTakes.ContainsKey("$command $word")) { $option = $word }
        }
        elseif (-not $command) { $command = $word }
        else { $given += $word }
    }

    if ($option) {
        Complete-Kind $optionTakes["$command $option"] $given
    } elseif ($command -eq 'run' -and $dashes) {
        if ($given.Count) { Complete-File @('*') }
        else { [System.Management.Automation.CompletionCompleters]::CompleteCommand($current) }
    } elseif (-not $dashes -and $current -like '--*=*') {
        $name, $value = $current.Split([char[]]'=', 2)
        $before = "$name="
        $current = $value
        Complete-Kind $optionTakes["$command $name"] $given
    } elseif (-not $dashes -and $current.StartsWith('-', 'Ordinal')) {
        Complete-Word $options[$command]
    } elseif (-not $command) {
        Complete-Word @('show', 'get', 'path', 'set', 'unset', 'init', 'run', 'check', 'schema', 'prod', 'cast', 'info', 'completion')
    } elseif ($positional.ContainsKey($command)) {
        $kinds = $positional[$command]
        if ($given.Count -lt $kinds.Count) {
            Complete-Kind $kinds[$given.Count] $given
        } elseif ($repeats -contains $command) {
            Complete-Kind $kinds[-1] $given
        }
    }
}
