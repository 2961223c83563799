"""``casework serve --streams``: the streams, in a process of their own."""

from __future__ import annotations

import sys

from gevent.monkey import patch_all

from casework.config import Settings
from casework.errors import CaseworkError


def serve(settings: Settings) -> None:
    """Answer streams until a signal ends it."""
    patch_all()
    from api.streaming import StreamServer  # what it imports finds the library patched

    StreamServer(settings).run()


if __name__ == "__main__":
    try:
        serve(Settings.from_env())
    except CaseworkError as error:
        sys.exit(str(error))
