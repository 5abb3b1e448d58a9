from django.urls import path

from portal.approvals import acts, correcting, standing_in, views
from portal.approvals.counts import waiting
from portal.navigation import NavEntry, register
from portal.places import is_approver

app_name = "approvals"
urlpatterns = [
    path("", views.index, name="index"),
    path("decided/", views.decided, name="decided"),
    path("decide/", views.together, name="together"),
    path("access/<uuid:assignment_id>/end/", acts.revoke, name="revoke"),
    path("people/", standing_in.find, name="find"),
    path("delegation/", standing_in.index, name="delegation"),
    path("delegation/<uuid:delegation_id>/end/", standing_in.end, name="delegation_end"),
    path("mail/<str:token>/", views.mail, name="mail"),
    path("<uuid:request_id>/", views.detail, name="detail"),
    path("<uuid:request_id>/answers/<uuid:key>/", correcting.correct, name="correct"),
    path("<uuid:request_id>/confirm/", views.confirm, name="confirm"),
    path("<uuid:request_id>/hand-over/", acts.hand_over, name="hand_over"),
    path("<uuid:request_id>/ask/", acts.ask, name="ask"),
    path("<uuid:request_id>/approve/", views.decide, {"choice": "approve"}, name="approve"),
    path("<uuid:request_id>/shorten/", views.decide, {"choice": "shorten"}, name="shorten"),
    path("<uuid:request_id>/deny/", views.decide, {"choice": "deny"}, name="deny"),
]

register(NavEntry("Approvals", "approvals:index", count=waiting, visible=is_approver, order=20))
