from django.urls import path

from balai.portal.gallery import views

urlpatterns = [
    path("komponen/", views.gallery, name="gallery"),
    path("luring/", views.offline, name="offline"),
    path("sw.js", views.service_worker, name="service_worker"),
]
