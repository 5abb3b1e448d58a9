"""Gunicorn's configuration: `gunicorn -c python:portal.web_server portal.wsgi`."""

from django.conf import settings
from gunicorn.glogging import Logger

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
        self.error_log.setLevel(settings.LOG_LEVEL)
        self.error_log.propagate = True


logger_class = PropagatingLogger
