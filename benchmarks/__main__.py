"""`python -m benchmarks COMMAND`: `command` in the module of that name."""

from __future__ import annotations

from importlib import import_module

import click

from declutter.errors import DeclutterError

COMMANDS = ("everything", "accuracy", "speed", "scale", "files", "hooks", "floors", "report", "tables")


class Program(click.Group):
    """Imports a command when it is needed, and turns faults of the input into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return import_module(f"benchmarks.{name}").command if name in COMMANDS else None

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except (DeclutterError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
def main():
    """Measure declutter and its peers. Run it in the repository's folder.

    \b
    python -m benchmarks accuracy gold/wcxb gold/news --models folds/ --cache cache/
    python -m benchmarks speed gold/wcxb
    python -m benchmarks tables
    """


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
