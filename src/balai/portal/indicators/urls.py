from django.urls import path

from balai.portal.indicators import views

urlpatterns = [
    path("dimensi/silang/", views.crosswalk, name="crosswalk"),
    path("angka/", views.batches, name="value_batches"),
    path("angka/baru/", views.batch_new, name="value_new"),
    path("angka/<uuid:pk>/", views.batch, name="value_batch"),
    path("angka/<uuid:pk>/galat.csv", views.faults_csv, name="value_faults_csv"),
    path("angka/<uuid:pk>/<slug:what>/", views.batch_act, name="value_batch_act"),
]
