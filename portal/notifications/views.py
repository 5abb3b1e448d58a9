from itertools import groupby
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from entitlements.directory.models import User
from entitlements.notifications import operations
from entitlements.notifications.messages import message_for, subject_of
from entitlements.notifications.models import Notification, NotificationQuerySet
from portal.http import PortalRequest
from portal.links import path_for

ROWS_ON_A_PAGE: Final = 50


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """Show everything that the viewer was told, day by day, the newest first."""
    told = _told(request.user)
    only_unread = request.GET.get("show") == "unread"
    shown = (told.unread() if only_unread else told).order_by("-created_at", "-pk")
    page = Paginator(shown, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    lines = [(one, subject_of(one)) for one in page.object_list]
    days = groupby(lines, key=lambda line: timezone.localdate(line[0].created_at))
    context = {
        "page": page,
        "days": [(day, list(lines)) for day, lines in days],
        "unread": told.unread().count(),
        "only_unread": only_unread,
    }
    return render(request, "notifications/index.html", context)


@require_POST
def open_one(request: PortalRequest, notification_id: UUID) -> HttpResponse:
    """Mark one notification as read, and go where it leads."""
    notification = get_object_or_404(_told(request.user), pk=notification_id)
    operations.mark_read(request.user, [notification.pk])
    return redirect(path_for(message_for(notification).page, notification))


@require_POST
def mark_read(request: PortalRequest) -> HttpResponse:
    """Mark everything as read."""
    count = operations.mark_read(request.user)
    messages.success(request, f"{count} marked as read." if count else "Nothing was unread.")
    return redirect("notifications:index")


def unread(user: User) -> int:
    """Return how many notifications somebody has not read."""
    return _told(user).unread().count()


def _told(user: User) -> NotificationQuerySet:
    return Notification.objects.filter(recipient=user)
