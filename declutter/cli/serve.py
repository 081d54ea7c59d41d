"""`declutter serve`: cleaning over HTTP."""

from __future__ import annotations

import click

from declutter.cli.options import all_cores, judging
from declutter.errors import DeclutterError

SERVE_EXAMPLES = """\b
Examples:
  declutter serve
  declutter serve --port 9000 --workers 4 --profile sites.profile
  curl -s --data-binary @page.html -H 'Content-Type: text/html' localhost:8000/clean/raw | jq -r .text"""


@click.command(epilog=SERVE_EXAMPLES)
@judging
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Processes that clean; the default is one a processor.")
@click.option("--max-body", default=10.0, show_default=True, type=click.FloatRange(0.001), help="MB of a body.")
@click.option("--max-pages", default=1000, show_default=True, type=click.IntRange(1), help="Pages of one request.")
@click.option(
    "--time-limit",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="Seconds in which a body must come, a process be free, and a request be cleaned.",
)
@click.option("--quiet", is_flag=True, help="Log nothing but warnings and errors.")
def serve(cleaner, host, port, workers, max_body, max_pages, time_limit, quiet):
    """Clean pages over HTTP, for programs in other languages.

    POST /clean takes {"text": ...} or {"html": ...}, /clean/pages several of them, /clean/raw the page itself; GET
    /openapi.json describes them, /health and /metrics (Prometheus) tell how it goes. --keep, --precision and --recall
    are what requests get that don't ask for other. There is no encryption and no password: put a proxy before it
    to serve others than this machine.
    """
    try:
        from declutter.serve import app, server
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "declutter":
            raise
        raise DeclutterError(str(error)) from error
    cleaner.clean("")  # loads the model, so that one that doesn't fit is told at once
    limits = app.Limits(int(max_body * 1e6), max_pages, time_limit)
    server.run(cleaner, host, port, workers or all_cores(), limits, "warning" if quiet else "info")
