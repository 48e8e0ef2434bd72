from django.urls import path

from balai.portal.programme import views

urlpatterns = [
    path("gerakan/", views.movement, name="movement"),
    path("gerakan/kota/<slug:slug>/", views.city, name="city"),
    path("gerakan/tawaran/<uuid:pk>/", views.offer, name="offer"),
    path("kolaborasi/<str:reference>/tawarkan/", views.offer_new, name="offer_new"),
]
