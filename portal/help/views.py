from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.help.topics import TOPICS, topic_of


@login_not_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List the topics."""
    return render(request, "help/index.html", {"topics": TOPICS})


@login_not_required
@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one topic."""
    chosen = topic_of(slug)
    if chosen is None:
        raise Http404
    return render(request, chosen.template, {"topic": chosen, "topics": TOPICS})
