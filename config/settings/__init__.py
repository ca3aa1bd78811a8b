"""Collect the settings from one file for each topic. All deployments use the same files.

Only these files read the environment; `.env.example` explains each variable. Secrets have no
default: if one is missing, the process names it and doesn't start. Each name is set in one file.
"""

from config.settings.api import *  # noqa: F403 - Django reads settings from one module
from config.settings.apps import *  # noqa: F403 - Django reads settings from one module
from config.settings.auth import *  # noqa: F403 - Django reads settings from one module
from config.settings.base import *  # noqa: F403 - Django reads settings from one module
from config.settings.brand import *  # noqa: F403 - Django reads settings from one module
from config.settings.database import *  # noqa: F403 - Django reads settings from one module
from config.settings.limits import *  # noqa: F403 - Django reads settings from one module
from config.settings.live import *  # noqa: F403 - Django reads settings from one module
from config.settings.mail import *  # noqa: F403 - Django reads settings from one module
from config.settings.metrics import *  # noqa: F403 - Django reads settings from one module
from config.settings.profile import *  # noqa: F403 - Django reads settings from one module
from config.settings.providers import *  # noqa: F403 - Django reads settings from one module
from config.settings.redis import *  # noqa: F403 - Django reads settings from one module
from config.settings.retention import *  # noqa: F403 - Django reads settings from one module
from config.settings.security import *  # noqa: F403 - Django reads settings from one module
from config.settings.web import *  # noqa: F403 - Django reads settings from one module
from config.settings.webhooks import *  # noqa: F403 - Django reads settings from one module
