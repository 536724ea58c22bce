"""The program itself: the list of its commands, each imported only when it is called.

The list holds each command's one line of help, so that `batchdub --help` imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from textwrap import indent
from typing import TYPE_CHECKING

import click

from batchdub.cli.documented import BatchdubGroup
from batchdub.exits import Exit

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_MANIFEST = """\
CSV, TSV, YAML or JSON. Each row is one dub and has a `video_url` and an
`audio_url`; other columns are yours, for --only, --order and reports:
  reference_id,language,video_url,audio_url
  S02E07-ja,ja,https://example.com/e07.mp4,https://example.com/e07.ja.wav
"""
_CONFIG = """\
batchdub.toml, beside the manifest or in ~/.config/batchdub, holds options by
their long names; `batchdub doctor` shows what holds, and why:
  rate = "60/min"
  max-cost-per-day = 200
  [profiles.staging]
  base-url = "https://api.dev.chamelaion.com/api"
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command in the list: its file in `commands/` has the command's name, with `_` for `-`."""

    name: str
    section: str
    summary: str


ENTRIES: tuple[Entry, ...] = (
    Entry("run", "The night", "Order what is left of the manifests' rows."),
    Entry("resume", "The night", "Order whatever the ledger has left."),
    Entry("wait", "The night", "Ask about submitted rows until every one of them has ended."),
    Entry("retry", "The night", "Put failed, rejected or cancelled rows back, and order them."),
    Entry("reorder", "The night", "Order rows that have ended once more, on purpose."),
    Entry("cancel", "The night", "Take pending rows out, so that no run orders them."),
    Entry("plan", "Before the night", "Print what would happen to each row, and why."),
    Entry("validate", "Before the night", "Tell every problem of manifests in one go."),
    Entry(
        "rehearse", "Before the night", "Rehearse tonight in a sandbox with faults, much faster."
    ),
    Entry("doctor", "Before the night", "Check key, host, clock, disk and ledger, free of charge."),
    Entry(
        "notify", "Before the night", "Try who is told of a run, before the night that needs it."
    ),
    Entry("status", "The morning after", "Tell how a ledger stands, and what to do next."),
    Entry("show", "The morning after", "Tell one row's whole history, and what happens next."),
    Entry("report", "The morning after", "Print what became of every row."),
    Entry("reconcile", "The morning after", "Settle what is in doubt, and order nothing."),
    Entry(
        "audit",
        "The morning after",
        "Prove from the API's list that each row was ordered once.",
    ),
    Entry("ledger", "The morning after", "Look after the ledger itself."),
    Entry(
        "support-bundle",
        "The morning after",
        "Pack what someone else needs to look into a problem.",
    ),
    Entry("init", "To begin", "Write a first manifest to start from."),
    Entry("sandbox", "To begin", "Serve a stand-in API, to try everything for free."),
    Entry("schedule", "To begin", "Print what starts a run every night, ready to be installed."),
    Entry("schema", "To begin", "Print the JSON Schema of a manifest."),
    Entry("completion", "To begin", "Print what makes a shell complete batchdub's commands."),
)
"""Every command, in the order of the help; a section's commands stand together."""


class _TopGroup(BatchdubGroup):
    """The program itself: its commands come from `ENTRIES`, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [entry.name for entry in ENTRIES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        found = import_module(f"batchdub.cli.commands.{cmd_name.replace('-', '_')}").command
        return found if isinstance(found, click.Command) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands from the list: click's own way would import them all."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  only where it is asked

        fitting = [entry for entry in ENTRIES if entry.name.startswith(incomplete)]
        return [
            *(CompletionItem(entry.name, help=entry.summary) for entry in fitting),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A script whose command name came out empty must not take the help for success.
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(Exit.INPUT)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in self.list_commands(ctx):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches  # noqa: PLC0415  for typing errors only

        near = get_close_matches(name, self.list_commands(ctx), n=1)
        meant = f", did you mean `{near[0]}`?" if near else ""
        raise click.UsageError(f"there is no command `{name}`{meant}", ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what a manifest and a config file look like, then what every command has."""
        for title, text in (("Manifest", _MANIFEST), ("Config file", _CONFIG)):
            with formatter.section(title):
                formatter.write(indent(text, "  "))
        super().format_epilog(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for section in dict.fromkeys(entry.section for entry in ENTRIES):
            with formatter.section(section):
                formatter.write_dl(
                    [(entry.name, entry.summary) for entry in ENTRIES if entry.section == section]
                )


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001  click's
    if asked and not context.resilient_parsing:
        from batchdub import __version__  # noqa: PLC0415  slow to find out

        click.echo(f"batchdub {__version__}")
        context.exit()


@click.group(
    cls=_TopGroup,
    examples=(
        "batchdub init tonight.yaml",
        "batchdub validate tonight.yaml",
        "batchdub run tonight.yaml --sandbox",
        "batchdub status",
    ),
    environment=(
        ("CHAMELAION_API_KEY", "the API key; or BATCHDUB_KEY_FILE names a file that holds it"),
        ("NO_COLOR", "no colours"),
        ("BATCHDUB_DEBUG", "tracebacks, as with -vv"),
    ),
    subcommand_metavar="COMMAND [OPTIONS]...",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def batchdub() -> None:
    """Order lip-synced dubs in bulk from a manifest, each row exactly once.

    The same command is the resume: what was ordered stays ordered, only what is left is sent.
    Data goes to standard output, talk to standard error.
    """
