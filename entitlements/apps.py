from django.apps import AppConfig


class EntitlementsConfig(AppConfig):
    """The domain: who may ask for what, who has it, why, and until when."""

    name = "entitlements"
    default_auto_field = "django.db.models.BigAutoField"
