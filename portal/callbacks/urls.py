from django.urls import path

from portal.callbacks import views

app_name = "callbacks"
urlpatterns = [path("<uuid:callout_id>/resume", views.resume, name="resume")]
