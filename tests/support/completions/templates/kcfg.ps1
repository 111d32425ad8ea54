# Completion of kcfg for PowerShell 5.1 and later. Generated from its command tree; no Python runs
# on TAB. Load it in $PROFILE:  kcfg completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName kcfg -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # What stands behind an option, by "COMMAND OPTION".
    $optionTakes = @{
@OPTION_TAKES@
    }
    $options = @{
@OPTIONS@
    }
    # What the arguments of a command are; the last one may repeat.
    $positional = @{
@POSITIONAL@
    }
    $repeats = @(@REPEATS@)
    $words = @{
@WORDS@
    }
    $values = @{
@VALUES@
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
@FILES@
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
        Complete-Word @(@COMMANDS@)
    } elseif ($positional.ContainsKey($command)) {
        $kinds = $positional[$command]
        if ($given.Count -lt $kinds.Count) {
            Complete-Kind $kinds[$given.Count] $given
        } elseif ($repeats -contains $command) {
            Complete-Kind $kinds[-1] $given
        }
    }
}
