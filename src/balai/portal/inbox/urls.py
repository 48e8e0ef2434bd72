from django.urls import path

from balai.portal.inbox import views

urlpatterns = [
    path("kotak-masuk/", views.inbox, name="inbox"),
    path("pemberitahuan/", views.notifications, name="notifications"),
    path("pemberitahuan/dibaca/", views.read_all, name="notifications_read"),
    path("pemberitahuan/pilihan/", views.preferences, name="notification_preferences"),
    path("pemberitahuan/<int:pk>/", views.open_one, name="notification"),
    path("pemberitahuan/berhenti/", views.unfollow_thread, name="notification_unfollow"),
]
