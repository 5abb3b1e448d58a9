"""The questions of one policy among the fields of a form."""

from django import template
from django.forms import BoundField

from entitlements.policies.models import AssignmentPolicy
from portal.questions import AskingForm

register = template.Library()


@register.filter
def asked_under(form: AskingForm, policy: AssignmentPolicy) -> list[BoundField]:
    """Return the fields for the questions of a policy."""
    return form.asked_under(policy)
