from django.urls import path

from balai.portal.needs import views, voicing

urlpatterns = [
    path("kebutuhan/", views.listing, name="need_list"),
    path("kebutuhan.csv", views.export, name="need_csv"),
    path("kebutuhan/baru/", voicing.voice, name="need_new"),
    path("kebutuhan/janji/", views.terms, name="need_terms"),
    path("kebutuhan/<str:reference>/", views.detail, name="need_detail"),
    path("kebutuhan/<str:reference>/foto/", views.photo, name="need_photo"),
    path("kebutuhan/<str:reference>/<slug:key>/", views.act, name="need_act"),
]
