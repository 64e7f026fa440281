# Completion of atoll for PowerShell: atoll completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName atoll -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if ($wordToComplete -eq '') { $words += '""' } # Older versions drop an empty argument.
    & atoll __complete @words 2>$null | Where-Object { $_ -and $_ -ne ':files' } | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
