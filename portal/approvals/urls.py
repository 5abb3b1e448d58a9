from django.urls import path

from portal.approvals import views
from portal.approvals.counts import is_approver, waiting
from portal.navigation import NavEntry, register

app_name = "approvals"
urlpatterns = [
    path("", views.index, name="index"),
    path("decided/", views.decided, name="decided"),
    path("decide/", views.together, name="together"),
    path("mail/<str:token>/", views.mail, name="mail"),
    path("<uuid:request_id>/", views.detail, name="detail"),
    path("<uuid:request_id>/confirm/", views.confirm, name="confirm"),
    path("<uuid:request_id>/approve/", views.decide, {"choice": "approve"}, name="approve"),
    path("<uuid:request_id>/shorten/", views.decide, {"choice": "shorten"}, name="shorten"),
    path("<uuid:request_id>/deny/", views.decide, {"choice": "deny"}, name="deny"),
]

register(NavEntry("Approvals", "approvals:index", count=waiting, visible=is_approver, order=20))
