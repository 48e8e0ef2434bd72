from django.urls import path

from balai.portal.webhooks import views

urlpatterns = [
    path("data/webhook/", views.webhooks, name="webhook_list"),
    path("data/webhook/baru/<slug:slug>/", views.new, name="webhook_new"),
    path("data/webhook/<uuid:pk>/", views.detail, name="webhook"),
    path("data/webhook/<uuid:pk>/ubah/", views.edit, name="webhook_edit"),
    path("data/webhook/<uuid:pk>/rahasia/", views.secret, name="webhook_secret"),
    path("data/webhook/<uuid:pk>/hapus/", views.remove, name="webhook_remove"),
    path("data/webhook/<uuid:pk>/tindakan/<slug:what>/", views.act, name="webhook_act"),
    path("data/webhook/<uuid:pk>/kiriman/<int:number>/", views.delivery, name="webhook_delivery"),
    path("data/webhook/<uuid:pk>/kiriman/<int:number>/ulang/", views.again, name="webhook_again"),
]
