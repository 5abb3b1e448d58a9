"""Gunicorn's configuration: `gunicorn -c python:portal.web_server portal.wsgi`."""

import logging.config
import os

from django.conf import settings
from gunicorn.glogging import Logger

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

bind = f"{settings.BIND}:{settings.PORT}"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
worker_class = "gthread"
timeout = 60
graceful_timeout = 10
control_socket_disable = True
proc_name = "portal"


class PropagatingLogger(Logger):
    """Leaves gunicorn's lines to the portal's own logging."""

    def setup(self, cfg: object) -> None:
        logging.config.dictConfig(settings.LOGGING)
        self.error_log.propagate = True


logger_class = PropagatingLogger
