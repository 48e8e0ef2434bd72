from django.urls import path

from balai.portal.programme import assessing, index, views

urlpatterns = [
    path("gerakan/", views.movement, name="movement"),
    path("gerakan/kota/<slug:slug>/", views.city, name="city"),
    path("gerakan/kota/<slug:slug>/kesiapan/", assessing.readiness_new, name="readiness_new"),
    path("gerakan/angkatan/<int:year>/kota/", assessing.cohort_members, name="cohort_members"),
    path("gerakan/evaluasi/", assessing.evaluations, name="evaluations"),
    path("gerakan/evaluasi/baru/", assessing.evaluation_new, name="evaluation_new"),
    path("gerakan/evaluasi/<uuid:pk>/", assessing.evaluation, name="evaluation"),
    path("gerakan/evaluasi/<uuid:pk>/nilai/", assessing.evaluation_score, name="evaluation_score"),
    path("gerakan/evaluasi/<uuid:pk>/survei/", assessing.evaluation_survey, name="evaluation_survey"),
    path("gerakan/evaluasi/<uuid:pk>/<slug:what>/", assessing.evaluation_act, name="evaluation_act"),
    path("gerakan/indeks/", index.index, name="index"),
    path("gerakan/indeks/<uuid:pk>/", index.index, name="index_run"),
    path("gerakan/indeks/<uuid:pk>/coba/", index.index_try, name="index_try"),
    path("gerakan/indeks/<uuid:pk>/banding/", index.index_compare, name="index_compare"),
    path("gerakan/indeks/<uuid:pk>/berkas.zip", index.index_bundle, name="index_bundle"),
    path("gerakan/indeks/<uuid:pk>/tempat/<slug:code>/", index.index_unit, name="index_unit"),
    path("gerakan/tawaran/<uuid:pk>/", views.offer, name="offer"),
    path("kolaborasi/<str:reference>/tawarkan/", views.offer_new, name="offer_new"),
]
