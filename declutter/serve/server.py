"""The service under uvicorn, until it is told to stop."""

from __future__ import annotations

import os

try:
    import uvicorn
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[serve]"', name=error.name) from error

from declutter.cleaner import Cleaner
from declutter.errors import DeclutterError
from declutter.serve.app import Limits, make_app

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run(cleaner: Cleaner, host: str, port: int, n_workers: int, limits: Limits, log_level: str = "info") -> None:
    """Listen and answer until SIGTERM or Ctrl-C; requests that came before are answered first.

    Raises DeclutterError where the service doesn't come up; its own message is logged.
    """
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")  # for the workers, which share the processors among them
    config = uvicorn.Config(
        make_app(cleaner, n_workers, limits),
        host=host,
        port=port,
        log_level=log_level,
        access_log=False,  # /metrics counts; a line a request costs more than a small page
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=int(limits.seconds) + 1,
    )
    server = uvicorn.Server(config)
    try:
        server.run()
    except (SystemExit, KeyboardInterrupt) as error:
        # uvicorn's way to say that the address is taken, and to pass on the signal that it has already obeyed
        if not server.should_exit:
            raise DeclutterError(f"could not listen on {host}:{port}; the reason stands above") from error
    if not server.started:
        raise DeclutterError("the service did not start; the reason stands above")
