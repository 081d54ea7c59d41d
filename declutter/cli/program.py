"""The program: its commands, and how errors and signals end it."""

from __future__ import annotations

import os
import signal
import sys
import threading

import click

from declutter import __version__
from declutter.cli.clean import clean
from declutter.cli.completion import completion
from declutter.cli.explain import explain
from declutter.cli.learn import learn, profile
from declutter.cli.report import report
from declutter.cli.serve import serve
from declutter.cli.shown import EXIT_CODES, visible
from declutter.cli.training import score, train
from declutter.errors import DeclutterError


class Program(click.Group):
    """The group of commands; turns errors and Ctrl-C into messages and the documented exit codes."""

    def invoke(self, ctx: click.Context):
        is_main_thread = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGTERM, _stop) if is_main_thread else None
        try:
            return super().invoke(ctx)
        except DeclutterError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)
        except OSError as error:
            if error.filename is None or isinstance(error, BrokenPipeError):
                raise
            click.echo(f"Error: {visible(os.fsdecode(error.filename))}: {error.strerror}", err=True)
            ctx.exit(2)
        except (KeyboardInterrupt, click.Abort):
            has_journal = ctx.invoked_subcommand == "clean"
            click.echo(f"Interrupted.{' To continue, add --resume.' if has_journal else ''}", err=True)
            ctx.exit(130)
        finally:
            if is_main_thread:
                signal.signal(signal.SIGTERM, before)


def _stop(_signal, _frame):
    """Leave by an exception, so that temporary files are deleted on the way."""
    sys.exit(128 + signal.SIGTERM)


def _show_version(ctx: click.Context, _option, is_asked: bool) -> None:
    if is_asked:
        from declutter.stages.kernels import in_use

        click.echo(f"declutter, version {__version__}\nkernels: {in_use()}")
        ctx.exit()


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and which kernels run, and exit.",
)
def main():
    """Clean what a scraper left: keep a page's main content, remove the boilerplate, line by line.

    \b
    declutter clean scraped/ clean/      a folder of text dumps
    declutter explain page.txt           why each line is kept or removed
    """


for command in (clean, explain, learn, profile, report, serve, train, score, completion):
    main.add_command(command)
