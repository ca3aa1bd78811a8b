"""All settings, all environments: the environment differs, the code does not.

Only these files read the environment; `.env.example` explains every variable. Secrets have no
default: the process refuses to start and names the missing one. A name is set in one file only.
"""

from config.settings.api import *  # noqa: F403 - Django reads settings from one module
from config.settings.auth import *  # noqa: F403 - Django reads settings from one module
from config.settings.base import *  # noqa: F403 - Django reads settings from one module
from config.settings.database import *  # noqa: F403 - Django reads settings from one module
from config.settings.limits import *  # noqa: F403 - Django reads settings from one module
from config.settings.mail import *  # noqa: F403 - Django reads settings from one module
from config.settings.providers import *  # noqa: F403 - Django reads settings from one module
from config.settings.redis import *  # noqa: F403 - Django reads settings from one module
from config.settings.security import *  # noqa: F403 - Django reads settings from one module
from config.settings.web import *  # noqa: F403 - Django reads settings from one module
