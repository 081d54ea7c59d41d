"""`python -m benchmarks COMMAND`: `command` in the module of that name, or a script with arguments of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click

from declutter.errors import DeclutterError

FOLDER = Path(__file__).parent
COMMANDS = ("everything", "quality", "speed", "report", "floors", "tables", "hooks_small", "hooks_big", "end_to_end")
SCRIPTS = ("scale", "crash", "formats")


class Program(click.Group):
    """Imports a command when it is asked for, and turns what is wrong with an input into a message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in (*COMMANDS, *SCRIPTS) if (FOLDER / f"{name}.py").is_file()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        return _script(FOLDER / f"{name}.py") if name in SCRIPTS else import_module(f"benchmarks.{name}").command

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except (DeclutterError, OSError) as error:
            raise click.ClickException(str(error)) from error


def _script(path: Path) -> click.Command:
    """A command that runs a script with the arguments given."""
    about = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]

    @click.command(name=path.stem, help=about, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def run(arguments):
        sys.exit(subprocess.run([sys.executable, path, *arguments]).returncode)

    return run


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
def main():
    """Measure declutter and its peers. Run it in the repository's folder.

    \b
    python -m benchmarks quality gold/wcxb gold/news --models folds/ --cache cache/
    python -m benchmarks speed gold/wcxb
    python -m benchmarks tables
    """


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
