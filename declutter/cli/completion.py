"""`declutter completion`: what makes a shell complete commands and options."""

from __future__ import annotations

import click


@click.command(epilog="\b\nExample:\n  declutter completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx, shell):
    """Print the script that completes commands and options in a shell."""
    from click.shell_completion import get_completion_class

    program = ctx.find_root().command
    click.echo(get_completion_class(shell)(program, {}, "declutter", "_DECLUTTER_COMPLETE").source())
