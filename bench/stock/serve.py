"""Start gunicorn of P1's packages with our packages: `python -m bench.stock.serve SITE_PACKAGES OPTIONS…`."""

import os
import sys


def main() -> None:
    # After ours: of a package that both have, ours is the one that runs.
    sys.path.append(sys.argv.pop(1))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.stock.settings")
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415 - only now on the path

    run()


if __name__ == "__main__":
    main()
