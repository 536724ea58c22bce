"""`batchdub completion`: what makes a shell complete batchdub's command lines."""

from __future__ import annotations

import click

from batchdub.cli.completing import SHELLS, script_for
from batchdub.cli.documented import BatchdubCommand


@click.command(
    "completion",
    cls=BatchdubCommand,
    examples=(
        "batchdub completion bash > ~/.local/share/bash-completion/completions/batchdub",
        'batchdub completion zsh > "${fpath[1]}/_batchdub"',
        "batchdub completion fish > ~/.config/fish/completions/batchdub.fish",
    ),
)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(SHELLS))
def command(*, shell: str) -> None:
    """Print what makes a shell complete batchdub's commands.

    Completed are commands, options, their values where these are known, files, profiles of the
    config file, and reference_ids from the ledger. Write it once to where the shell looks for
    such files, as below, and open a new shell; `eval "$(batchdub completion bash)"` does it for
    one bash alone. The file for bash is found where the package bash-completion is installed.
    bash must be 4.4 or newer; that of macOS is older, its zsh is not.
    """
    click.echo(script_for(shell))
