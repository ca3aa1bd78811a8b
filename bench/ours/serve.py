"""Replace this process by Granian, with the flags of `manage.py serve`.

Call it with `python -m bench.ours.serve MODULE`.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")
django.setup()

from config.management.commands.serve import _site  # noqa: E402 - needs the settings


def main(module: str) -> None:
    threads = int(os.environ.get("BENCH_THREADS", "8"))  # the default of `serve`
    command = _site({"host": "127.0.0.1", "workers": 1, "threads": threads})
    command[-1] = f"{module}:application"
    os.execv(command[0], command)  # noqa: S606 - our own command line


if __name__ == "__main__":
    main(sys.argv[1])
