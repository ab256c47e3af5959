"""The scripts by which shells ask for completion; each calls `__complete` with the words so far."""

from __future__ import annotations

from limacore.base import notice
from limacore.cli.context import Context
from limacore.cli.tree import Call

_BASH = """\
# bash completion for {0}
_{1}_complete() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" out directive line
    local line_words=("${{COMP_WORDS[@]:1:COMP_CWORD}}")
    out=$("${{COMP_WORDS[0]}}" {2} "${{line_words[@]}}" 2>/dev/null) || return
    directive=${{out##*:}}
    COMPREPLY=()
    while IFS= read -r line; do
        line=${{line%%$'\\t'*}}
        [[ -n $line && $line == "$word"* ]] && COMPREPLY+=("$(printf '%q' "$line")")
    done <<<"${{out%:*}}"
    (( directive & 2 )) && compopt -o nospace 2>/dev/null
    (( ${{#COMPREPLY[@]}} == 0 && !(directive & 4) )) && compopt -o default 2>/dev/null
    if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
        local colon=${{word%"${{word##*:}}"}} i
        for i in "${{!COMPREPLY[@]}}"; do COMPREPLY[i]=${{COMPREPLY[i]#"$colon"}}; done
    fi
}}
complete -F _{1}_complete {0}
"""

_ZSH = """\
#compdef {0}
# zsh completion for {0}
_{1}() {{
    local out directive line
    local -a shown
    out=$("${{words[1]}}" {2} "${{(@)words[2,CURRENT]}}" 2>/dev/null) || return
    directive=${{out##*:}}
    while IFS= read -r line; do
        [[ -z $line ]] && continue
        line=${{line//:/\\\\:}}
        shown+=("${{line/$'\\t'/:}}")
    done <<<"${{out%:*}}"
    local -a options
    (( directive & 2 )) && options=(-S '')
    [[ ${{words[CURRENT]}} == --*=* ]] && compset -P '*='
    (( ${{#shown}} )) && _describe -V '{0}' shown "${{options[@]}}"
    (( ${{#shown}} || directive & 4 )) || _files
}}
compdef _{1} {0}
"""

_FISH = """\
# fish completion for {0}
function __{1}_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l out ($words[1] {2} $words[2..-1] 2>/dev/null)
    set -l directive (string sub -s 2 -- $out[-1])
    set -l flag (string match -r -- '^--[^=]*=' $words[-1])
    for line in $out[1..-2]
        echo "$flag$line"
    end
    if test (count $out) -le 1; and test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path (commandline -ct)
    end
end
complete -c {0} -f -a '(__{1}_complete)'
"""

_POWERSHELL = """\
# PowerShell completion for {0}
Register-ArgumentCompleter -Native -CommandName '{0}' -ScriptBlock {{
    param($word, $ast, $cursor)
    $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object {{ $_.ToString() }})
    if (-not $word) {{ $words += '""' }}
    & '{0}' {2} @words 2>$null | Where-Object {{ $_ -notmatch '^:\\d+$' }} | ForEach-Object {{
        $name, $about = $_ -split "`t", 2
        $kind = 'ParameterValue'
        [System.Management.Automation.CompletionResult]::new($name, $name, $kind, ($about, $name -ne $null)[0])
    }}
}}
"""


def _script(text: str, ctx: Context, call: Call) -> None:
    program = notice.program()
    verb = "__completeNoDesc" if call["no-descriptions"] else "__complete"
    ctx.out(text.format(program, program.replace("-", "_"), verb))


def bash(ctx: Context, call: Call) -> None:
    """Print the script for bash."""
    _script(_BASH, ctx, call)


def zsh(ctx: Context, call: Call) -> None:
    """Print the script for zsh."""
    _script(_ZSH, ctx, call)


def fish(ctx: Context, call: Call) -> None:
    """Print the script for fish."""
    _script(_FISH, ctx, call)


def powershell(ctx: Context, call: Call) -> None:
    """Print the script for PowerShell."""
    _script(_POWERSHELL, ctx, call)
