"""The portal's settings as the tests run them; the only choice left open is the database."""

import atexit
import os
import shutil
import tempfile

data_dir = tempfile.mkdtemp(prefix="portal-tests-")
atexit.register(shutil.rmtree, data_dir, ignore_errors=True)

os.environ.update(
    {
        "ENV_FILE": "",
        "DATA_DIR": data_dir,
        "DATABASE_POOL_SIZE": "0",
        "SECRET_KEY": "a key for tests that is long enough to raise no warning 0123456789",
        "SECRETS_KEYS": "ehcwNsBlqG2TlhXCoJ-KwBpmHl5AB5YRbtM6vTjzAs8=",
        "EMAIL_URL": "memorymail://",
    }
)
for name in set(os.environ) & {
    "ALLOWED_HOSTS",
    "DEBUG",
    "DEMO",
    "LOG_FORMAT",
    "ORGANIZATION_TIME_ZONE",
    "PORT",
    "PORTAL_URL",
    "REVOCATION_QUEUE",
}:
    del os.environ[name]

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES, ON_POSTGRESQL  # noqa: E402

if not ON_POSTGRESQL:
    # A file, because threads that share a database in memory do not wait for one another.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(data_dir, "tests.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Static files are found when they are asked for: to look through them for every client takes long.
WHITENOISE_AUTOREFRESH = True
