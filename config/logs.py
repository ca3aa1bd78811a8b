"""Configure log lines: JSON with a request id in production, plain text on a laptop."""

import logging.config
from typing import Any

import structlog

from config import redaction, request_lines

_SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def logging_config(*, log_format: str, level: str) -> dict[str, Any]:
    """Return Django's `LOGGING`: one handler to standard error.

    `log_format` is `json` or `console`.
    """
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "default": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    # Last: every logger passes here, and stack traces are text by now.
                    redaction.redact,
                    renderer,
                ],
                "foreign_pre_chain": list(_SHARED),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "default"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": [], "propagate": True},
            # RequestLogMiddleware logs the same requests, without the keys in paths.
            "django.request": {"level": "CRITICAL"},
            # Django logs a stack trace for each request with a wrong host name.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # Django logs these as errors, but anybody can send such a form or query.
            "django.security.TooManyFieldsSent": {"level": "CRITICAL"},
            "django.security.TooManyFilesSent": {"level": "CRITICAL"},
        },
    }


def configure(config: dict[str, Any]) -> None:
    """Send standard logging and structlog to the same handler.

    Django calls it (`LOGGING_CONFIG`).
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(config)
    renderer = config["formatters"]["default"]["processors"][-1]
    request_lines.prepare(is_json=isinstance(renderer, structlog.processors.JSONRenderer))
