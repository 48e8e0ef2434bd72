from django.urls import path

from balai.portal.collaborations import views

urlpatterns = [
    path("kolaborasi/", views.register, name="register"),
    path("kolaborasi.csv", views.register_csv, name="register_csv"),
    path("kolaborasi/<str:reference>/", views.detail, name="collaboration"),
    path("kolaborasi/<str:reference>/ikuti/", views.follow, name="collaboration_follow"),
    path("kolaborasi/<str:reference>/langkah/<slug:key>/", views.move, name="collaboration_move"),
]
