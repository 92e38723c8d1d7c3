#include "provisioner/elevated.h"

#include "engine/powershell.h"

/* Behind the variables name, user, password, command and script. State 3: ready (not running);
 * 267011: has not run yet. */
static const char body[] =
    "$ErrorActionPreference = 'Stop'\n"
    "$ProgressPreference = 'SilentlyContinue'\n"
    "$log = [Environment]::ExpandEnvironmentVariables(\"%SYSTEMROOT%\\Temp\\$name.out\")\n"
    "$service = New-Object -ComObject 'Schedule.Service'\n"
    "$service.Connect()\n"
    "$folder = $service.GetFolder('\\')\n"
    "$definition = $service.NewTask(0)\n"
    "$definition.RegistrationInfo.Description = 'Packer elevated task'\n"
    "$definition.Principal.RunLevel = 1\n" /* the highest */
    "$definition.Settings.DisallowStartIfOnBatteries = $false\n"
    "$definition.Settings.StopIfGoingOnBatteries = $false\n"
    "$definition.Settings.ExecutionTimeLimit = 'PT0S'\n" /* none */
    "$definition.Settings.Priority = 4\n"                /* a user's, not that of background work */
    "$action = $definition.Actions.Create(0)\n"
    "$action.Path = 'cmd'\n"
    "$action.Arguments = \"/c $command > %SYSTEMROOT%\\Temp\\$name.out 2>&1\"\n"
    "$logon = 1\n" /* by password */
    "if (-not $password) {\n"
    "    $logon = 5\n" /* a service account */
    "    $password = $null\n"
    "}\n"
    "[void]$folder.RegisterTaskDefinition($name, $definition, 6, $user, $password, $logon, $null)\n"
    "$result = 1\n"
    "$reader = $null\n"
    "try {\n"
    "    $task = $folder.GetTask($name)\n"
    "    [void]$task.Run($null)\n"
    "    for ($i = 0; $i -lt 100 -and $task.State -eq 3 -and $task.LastTaskResult -eq 267011; "
    "$i++) {\n"
    "        Start-Sleep -Milliseconds 100\n"
    "    }\n"
    "    do {\n"
    "        $ended = $task.State -eq 3\n"
    "        if (-not $reader -and (Test-Path $log)) {\n"
    "            $oem = [Globalization.CultureInfo]::CurrentCulture.TextInfo.OEMCodePage\n"
    "            try {\n"
    "                $file = [IO.File]::Open($log, 'Open', 'Read', 'ReadWrite, Delete')\n"
    "                $reader = New-Object IO.StreamReader($file, "
    "[Text.Encoding]::GetEncoding($oem))\n"
    "            } catch { $reader = $null }\n" /* the next time */
    "        }\n"
    "        if ($reader) { [Console]::Out.Write($reader.ReadToEnd()) }\n"
    "        if (-not $ended) { Start-Sleep -Milliseconds 100 }\n"
    "    } until ($ended)\n"
    "    $result = $task.LastTaskResult\n"
    "} finally {\n"
    "    if ($reader) { $reader.Close() }\n"
    "    $folder.DeleteTask($name, 0)\n"
    "    Remove-Item -Force -ErrorAction SilentlyContinue -LiteralPath $log, $script\n"
    "}\n"
    "exit $result\n";

static void set(struct kiln_str *out, const char *variable, const char *value)
{
    kiln_str_addf(out, "$%s = ", variable);
    kiln_powershell_add_quoted(out, value);
    kiln_str_addc(out, '\n');
}

void kiln_elevated_add_script(struct kiln_str *out, const struct kiln_elevated *e)
{
    kiln_str_adds(out, KILN_POWERSHELL_MARK);
    set(out, "name", e->name);
    set(out, "user", e->user);
    set(out, "password", e->password);
    set(out, "command", e->command);
    set(out, "script", e->path);
    kiln_str_adds(out, body);
}
