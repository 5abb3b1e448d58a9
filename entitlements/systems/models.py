from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models.functions import Lower

from entitlements import vault


class ConnectedSystemQuerySet(models.QuerySet["ConnectedSystem"]):
    def built_in_directory(self) -> "ConnectedSystem":
        """Return this portal's own directory, which always exists."""
        return self.get_or_create(kind="directory", defaults={"name": "Built-in directory"})[0]


class ConnectedSystem(models.Model):
    """A system that people come from or that access is given in: its address and credentials.

    `kind` names a connector ("directory": this portal's own groups; "ldap"). `settings` is
    checked by that connector; the secret is stored encrypted and never shown again. While it is
    not `is_enabled`, nothing is given or taken there, and everything waits.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    settings = models.JSONField(default=dict, blank=True)
    sealed_secret = models.TextField(blank=True, editable=False)
    is_enabled = models.BooleanField(default=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_error = models.TextField(blank=True)

    objects = ConnectedSystemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="connected_system_name_is_unique"),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(kind="directory"),
                name="one_built_in_directory",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """The secret in clear; raises SecretUnreadable when its key is gone."""
        return vault.unseal(self.sealed_secret)

    @secret.setter
    def secret(self, value: str) -> None:
        self.sealed_secret = vault.seal(value)

    def setting(self, name: str, default: Any = None) -> Any:
        """Return one entry of `settings`."""
        return self.settings.get(name, default)
