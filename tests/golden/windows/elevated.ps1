$name = 'packer-1'
$user = 'Administrator'
$password = '$it''s'
$command = 'run ''it'''
$script = 'C:/Windows/Temp/x.ps1'
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$log = [Environment]::ExpandEnvironmentVariables("%SYSTEMROOT%\Temp\$name.out")
$service = New-Object -ComObject 'Schedule.Service'
$service.Connect()
$folder = $service.GetFolder('\')
$definition = $service.NewTask(0)
$definition.RegistrationInfo.Description = 'Packer elevated task'
$definition.Principal.RunLevel = 1
$definition.Settings.DisallowStartIfOnBatteries = $false
$definition.Settings.StopIfGoingOnBatteries = $false
$definition.Settings.ExecutionTimeLimit = 'PT0S'
$definition.Settings.Priority = 4
$action = $definition.Actions.Create(0)
$action.Path = 'cmd'
$action.Arguments = "/c $command > %SYSTEMROOT%\Temp\$name.out 2>&1"
$logon = 1
if (-not $password) {
    $logon = 5
    $password = $null
}
[void]$folder.RegisterTaskDefinition($name, $definition, 6, $user, $password, $logon, $null)
$result = 1
$reader = $null
try {
    $task = $folder.GetTask($name)
    [void]$task.Run($null)
    for ($i = 0; $i -lt 100 -and $task.State -eq 3 -and $task.LastTaskResult -eq 267011; $i++) {
        Start-Sleep -Milliseconds 100
    }
    do {
        $ended = $task.State -eq 3
        if (-not $reader -and (Test-Path $log)) {
            $oem = [Globalization.CultureInfo]::CurrentCulture.TextInfo.OEMCodePage
            try {
                $file = [IO.File]::Open($log, 'Open', 'Read', 'ReadWrite, Delete')
                $reader = New-Object IO.StreamReader($file, [Text.Encoding]::GetEncoding($oem))
            } catch { $reader = $null }
        }
        if ($reader) { [Console]::Out.Write($reader.ReadToEnd()) }
        if (-not $ended) { Start-Sleep -Milliseconds 100 }
    } until ($ended)
    $result = $task.LastTaskResult
} finally {
    if ($reader) { $reader.Close() }
    $folder.DeleteTask($name, 0)
    Remove-Item -Force -ErrorAction SilentlyContinue -LiteralPath $log, $script
}
exit $result
